import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { monotonicFactory } from 'ulid';
import { JobListSchema, JobStatusSchema } from '../src/contract/job.ts';
import { JobSpecSchema } from '../src/contract/job-spec.ts';
import { resolveDataset } from '../src/dataset/registry.ts';
import { parseRedisUrl } from '../src/process/redis-address.ts';
import { connectForWorkers } from '../src/redis/connections.ts';
import { JobPacker } from '../src/store/job-packer.ts';
import { JobTransitions } from '../src/store/job-transitions.ts';
import { JobStore } from '../src/store/jobs.ts';
import { buildKeys } from '../src/store/keys.ts';
import { percentile } from './percentile.ts';
import { writeService } from './results-file.ts';
import { machine } from './running-descent.ts';

/**
 * How much the API serves, with the API and Redis together on core 0 and the load on core 1: requests a second, the time
 * of a list, the room of a finished job, and what a job takes besides its training.
 */
const HELP = `npm run bench:service -- [--jobs N] [--seconds S] [--runs N]
  --jobs N      finished jobs in the store while it is measured (1000)
  --seconds S   of load for each path (5)
  --runs N      jobs that are run for the overhead (10)
  --write       keep the figures in bench/RESULTS.md
Needs Debian's wrk and taskset (util-linux), redis-server or valkey-server, and two cores.`;

const { values: options } = parseArgs({
  options: {
    jobs: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '5' },
    runs: { type: 'string', default: '10' },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(HELP);
  process.exit(0);
}
const [JOBS, SECONDS, RUNS] = [options.jobs, options.seconds, options.runs].map(Number) as [
  number,
  number,
  number,
];

const EPOCHS = 10;
const CONNECTIONS = 32;
/** Created at a time. */
const BATCH = 50;
/** Jobs are packed once they have been finished for so long. */
const PACKING_AGE_MS = 11_000;

const folder = mkdtempSync(join(tmpdir(), 'descent-bench-'));
const socket = join(folder, 'redis.sock');
const REDIS_URL = `unix:${socket}`;
const started: ChildProcess[] = [];
process.on('exit', () => {
  for (const child of started) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a program on core 0, with all its children, and waits for a line of its output. */
async function onCore0(command: string[], env: NodeJS.ProcessEnv, ready: RegExp): Promise<string> {
  const child = spawn('taskset', ['-c', '0', ...command], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  return await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      const found = ready.exec(line);
      if (found !== null) resolve(found[1] ?? '');
    });
    child.once('close', (code) => reject(new Error(`${command[0]} ended with ${code}`)));
  });
}

async function startRedis(): Promise<void> {
  const args = ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', '', '--appendonly', 'yes'];
  const limits = ['--maxmemory', '2gb', '--maxmemory-policy', 'noeviction'];
  await onCore0(['redis-server', ...args, ...limits], process.env, /(ready to accept connections)/i);
}

/** `npm start` on that Redis. */
async function startDescent(): Promise<string> {
  const env = {
    PATH: process.env.PATH,
    REDIS_URL,
    DATA_DIR: folder,
    PORT: '0',
    LOG_LEVEL: 'fatal',
    // Else what is measured is how old jobs are removed.
    RETENTION_JOBS: `${2 * JOBS}`,
    WORKER_CONCURRENCY: '1',
  };
  return await onCore0([process.execPath, 'dist/src/main.js'], env, /API +(http:\S+)/);
}

const progressAt = (epoch: number) => ({
  epoch,
  epochs: EPOCHS,
  step: 1500 * epoch,
  steps: 1500 * EPOCHS,
  fraction: epoch / EPOCHS,
  eta_seconds: 1.6,
  steps_per_second: 9450.3,
});

const LOST = { code: 'worker_lost', message: 'lost', retryable: true } as const;
const SHA256 = 'cc63486eb46b7d6f358a8ca7421c25a18d768fcaf29682c684c112c32cad6d41';

const OPTIMIZERS = ['rmsprop', 'sgd', 'adagrad', 'adam'];
const RATES = [0.1, 0.03, 0.01, 0.003, 0.001];
const SWEEPS = 50;

/** The jobs of a day in a lab: four optimizers, five rates, and every tenth has a name and belongs to a sweep. */
const specOf = (n: number) =>
  JobSpecSchema.parse({
    optimizer: { type: OPTIMIZERS[n % 4], learning_rate: RATES[n % 5] },
    ...(n % 10 === 0 && { name: `trial ${n}`, metadata: { sweep: `${n % (10 * SWEEPS)}` } }),
  });

/** A job as a worker leaves it behind, with numbers as long as real ones. */
async function finishedJob(
  store: JobStore,
  transitions: JobTransitions,
  id: string,
  n: number,
): Promise<void> {
  const spec = specOf(n);
  const data = resolveDataset(spec.dataset);
  const [owner, version, parameters] = ['local', '0.1.0', 109_386];
  await store.create({
    owner,
    id,
    spec,
    data,
    isUpload: false,
    parameters,
    progress: progressAt(0),
    version,
    accepting: true,
    maxQueued: 1e9,
    queuedQuota: undefined,
    storageQuota: undefined,
    runningQuota: 'none',
  });
  const token = randomUUID();
  const read = { attempt: 0, checkpointEpoch: 0 };
  const how = { engine: 'native', fromEpoch: 0, lostReason: 'lost', lostError: LOST } as const;
  await transitions.start(id, { delivery: 1, token, worker: 'host-a/12345', read, ...how });
  const random = () => crypto.getRandomValues(new Uint32Array(1))[0] / 2 ** 32 / 7;
  for (let epoch = 1; epoch <= EPOCHS; epoch += 1) {
    const [loss, accuracy, val_loss, val_accuracy] = [random(), random(), random(), random()];
    const timing = { learning_rate: 0.001, duration_seconds: 0.161, steps_per_second: 9452.1 };
    const metrics = { epoch, step: 1500 * epoch, loss, accuracy, val_loss, val_accuracy, ...timing };
    await transitions.epoch(id, token, { metrics, progress: progressAt(epoch), checkpoints: undefined });
  }
  const measured = { loss: random(), accuracy: random() };
  const hashes = { weights_sha256: SHA256, metrics_sha256: SHA256 };
  const result = {
    test: measured,
    train: measured,
    validation: measured,
    best: { val_loss: { epoch: 7, value: random() }, val_accuracy: { epoch: 7, value: random() } },
    training_seconds: 1.612,
    ...hashes,
  };
  const files = {
    evaluation: { name: '1-evaluation.json', sha256: SHA256 },
    model: { name: '1-model.bin', sha256: SHA256 },
  };
  const resultKey = `2.${SHA256.slice(0, 43)}`;
  await transitions.finish(id, token, { status: 'succeeded', epoch: EPOCHS, result, resultKey, ...files });
}

/** Fills the store; gives the last job and the bytes of Redis that each takes once it is packed. */
async function fill(): Promise<{ id: string; bytes: number }> {
  const redis = connectForWorkers(parseRedisUrl(REDIS_URL), () => {});
  const keys = buildKeys('descent');
  const store = new JobStore(redis, keys);
  const transitions = new JobTransitions(redis, keys);
  const used = async () => Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
  const nextUlid = monotonicFactory();
  const before = await used();
  let id = '';
  for (let done = 0; done < JOBS; done += BATCH) {
    const ids = Array.from({ length: Math.min(BATCH, JOBS - done) }, () => `job_${nextUlid()}`);
    await Promise.all(ids.map((each, i) => finishedJob(store, transitions, each, done + i)));
    id = ids.at(-1)!;
    if (process.stdout.isTTY) process.stdout.write(`\r${done + ids.length} of ${JOBS} jobs`);
  }
  if (process.stdout.isTTY) process.stdout.write('\n');
  await sleep(PACKING_AGE_MS);
  await new JobPacker(redis, keys).packFinished();
  const bytes = ((await used()) - before) / JOBS;
  redis.disconnect();
  return { id, bytes };
}

/** Requests a second that are answered as they should be, from core 1. */
function load(url: string, headers: Record<string, string>): number {
  const lines = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  const wrk = ['wrk', '-t1', `-c${CONNECTIONS}`, `-d${SECONDS}s`, ...lines, url];
  const report = execFileSync('taskset', ['-c', '1', ...wrk], { encoding: 'utf8' });
  if (/Non-2xx or 3xx|Socket errors/.test(report)) throw new Error(`${url}: ${report}`);
  return Number(/Requests\/sec: +([\d.]+)/.exec(report)?.[1]);
}

/** The times of a request, one after another, in ms. */
async function timesOf(url: string, n = 200): Promise<number[]> {
  const tookMs: number[] = [];
  for (let i = 0; i < n + 20; i += 1) {
    const startedMs = performance.now();
    const response = await fetch(url);
    await response.arrayBuffer();
    if (!response.ok) throw new Error(`${url}: ${response.status}`);
    // The first ones warm up.
    if (i >= 20) tookMs.push(performance.now() - startedMs);
  }
  return tookMs;
}

const timeOf = async (url: string, n?: number) => percentile(await timesOf(url, n), 0.5);

/** Questions that each use another index, and those for which no index is short: all jobs, or none, are looked at. */
function questions(middle: string): string[] {
  const hour = new Date(Date.parse(middle) + 3_600_000).toISOString();
  return [
    ...JobStatusSchema.options.map((status) => `status=${status}`),
    'status=failed,cancelled',
    `created_after=${middle}`,
    `created_before=${middle}`,
    `created_after=${middle}&created_before=${hour}&status=succeeded`,
    'name=trial%2010',
    'metadata[sweep]=70',
    'metadata[sweep]=70&optimizer=adam&sort=-test_accuracy',
    'optimizer=adam',
    'dataset=mnist_sample',
    'engine=native&sort=val_loss',
    'engine=wasm&sort=val_loss',
    'learning_rate=gte:0.01&learning_rate=lt:0.1',
    'learning_rate=gt:0.1',
    'parameters=gt:200000',
    'test_accuracy=gt:0.1425',
    'test_accuracy=gt:0.14&sort=-test_accuracy',
    'val_loss=lt:0.0001',
    'duration_seconds=gt:100',
    'sort=created_at',
    ...['test_accuracy', 'val_loss', 'duration_seconds'].flatMap((by) => [`sort=${by}`, `sort=-${by}`]),
  ];
}

/** What jobs take from their POST to the end of their stream besides training, in ms. */
async function overheads(api: string, spec: object): Promise<number[]> {
  const ms: number[] = [];
  for (let run = 0; run <= RUNS; run += 1) {
    const startedMs = performance.now();
    const created = await fetch(`${api}/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(spec),
    });
    const { links } = (await created.json()) as { links: { self: string; events: string } };
    await (await fetch(api + links.events, { headers: { accept: 'text/event-stream' } })).text();
    const tookMs = performance.now() - startedMs;
    const { result } = (await (await fetch(api + links.self)).json()) as {
      result: { training_seconds: number };
    };
    // The first job prepares the dataset.
    if (run > 0) ms.push(tookMs - 1000 * result.training_seconds);
  }
  return ms;
}

const figures: string[] = [];
function line(what: string, value: string): void {
  console.log(`${what.padEnd(44)} ${value}`);
  figures.push(`| ${what} | ${value} |`);
}

execFileSync('taskset', ['-pc', '1', String(process.pid)]);
await startRedis();
const { id, bytes } = await fill();
const api = await startDescent();
console.log(`${machine()}; API, worker and Redis on core 0, load on core 1; ${JOBS} finished jobs`);

const job = `${api}/jobs/${id}`;
// A worker looks at all jobs when it starts, on the same core.
load(job, {});
const etag = (await fetch(job)).headers.get('etag')!;
const chart = `${job}/charts/loss.svg`;
const chartEtag = (await fetch(chart)).headers.get('etag')!;
for (const [what, url, headers] of [
  ['GET /jobs/{id}', job, {}],
  ['GET /jobs/{id}, 304', job, { 'If-None-Match': etag }],
  ['GET /jobs/{id}/metrics', `${job}/metrics`, {}],
  ['GET /jobs/{id}/charts/loss.svg', chart, {}],
  ['GET /jobs/{id}/charts/loss.svg, 304', chart, { 'If-None-Match': chartEtag }],
  ['GET /jobs?limit=20', `${api}/jobs?limit=20`, {}],
  ['GET /jobs?limit=100', `${api}/jobs?limit=100`, {}],
] as const) {
  line(what, `${Math.round(load(url, headers))} req/s`);
}
line('GET /jobs?limit=100, alone', `${(await timeOf(`${api}/jobs?limit=100`)).toFixed(2)} ms`);
const page = await (await fetch(`${api}/jobs?limit=${Math.min(1000, JOBS / 2)}`)).json();
const middle = JobListSchema.parse(page).data.at(-1)!.created_at;
for (const question of questions(middle)) {
  const ms = await timesOf(`${api}/jobs?${question}`, 100);
  const [half, most] = [0.5, 0.99].map((share) => percentile(ms, share).toFixed(2));
  line(`GET /jobs?${question}, alone`, `${half} ms (p99 ${most})`);
}
line('Redis, a finished job', `${Math.round(bytes)} bytes`);
for (const spec of [{}, { dataset: 'mnist_sample', training: { epochs: 1 } }]) {
  const ms = await overheads(api, spec);
  const [low, middle, high] = [0, 0.5, 1].map((share) => percentile(ms, share).toFixed(0));
  line(`overhead of ${JSON.stringify(spec)}`, `${middle} ms (${low}-${high}, n = ${RUNS})`);
}
if (options.write) {
  const where = `${machine()}. ${new Date().toISOString().slice(0, 10)}.`;
  const table = ['| what | figure |', '| --- | --- |', ...figures].join('\n');
  writeService(
    `${JOBS} finished jobs`,
    `${where} API, worker and Redis on core 0, the load on core 1.\n\n${table}`,
  );
}
process.exit(0);
