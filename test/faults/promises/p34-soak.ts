import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readEventStream } from '../../support/event-stream.ts';
import { residentBytes } from '../../support/processes.ts';
import { assertKept, type Experiment, type Trial } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { endless, manyEpochs, tinySpec } from '../specs.ts';

/** One sample of everything that could leak. */
interface Sample {
  minutes: number;
  apiMb: number;
  workerMb: number;
  apiFds: number;
  workerFds: number;
  redisClients: number;
  redisKeys: number;
  redisMb: number;
  files: number;
  jobs: number;
}

const SAMPLE_MS = 60_000;
/** Until then, caches and heaps grow to their size. */
const WARM_SHARE = 0.25;
const SLOPE_MB_AN_HOUR = 20;
const KEPT_JOBS = 50;
const CLIENTS = 3;

/** Runs for `minutes`: jobs of all kinds are posted, watched by viewers that come and go, cancelled and removed. */
export const soak = (minutes: number): Experiment => ({
  name: 'soak',
  rows: [
    {
      id: 'P34',
      promise: 'No leaks: memory',
      fault: `${CLIENTS} clients post, watch, leave, return, cancel and remove jobs for ${minutes} minutes (the design: 24 h); n counts jobs`,
      designN: 100_000,
      figure: `MB an hour that API and worker grew, together, after the first quarter (<= ${SLOPE_MB_AN_HOUR})`,
    },
    {
      id: 'P34',
      promise: 'No leaks: descriptors, clients and keys of Redis, files',
      fault: 'the same',
      designN: 100_000,
      figure: 'of them more at the end than after the first quarter, all jobs being removed (<= 10)',
    },
  ],
  n: 1,
  shortN: 0,
  seconds: 60 * minutes + 600,
  trialSeconds: 60 * minutes + 600,
  run: async (trial) => {
    const site = await Site.start({ workers: 1, concurrency: 2, env: { LOG_LEVEL: 'warn' } });
    try {
      return await underUse(trial, site, minutes);
    } finally {
      await site.close();
    }
  },
});

async function underUse(trial: Trial, site: Site, minutes: number) {
  const startedMs = performance.now();
  const endMs = startedMs + 60_000 * minutes;
  const over = () => performance.now() > endMs;
  let jobs = 0;
  const client = async (random = trial.random.strand()) => {
    while (!over()) {
      const draw = random.fraction();
      const spec = draw < 0.1 ? endless(jobs) : draw < 0.3 ? manyEpochs(60) : tinySpec(random);
      const { id } = await site.client.create(spec);
      jobs += 1;
      if (draw < 0.1) {
        await viewFor(site, id, random.between(100, 2_000));
        await site.client.cancel(id);
      } else if (draw < 0.6) {
        await viewFor(site, id, random.between(10, 500));
        await viewFor(site, id, 120_000);
      } else await viewFor(site, id, 120_000);
      for (const path of ['', '/metrics', '/evaluation', '/charts/loss.svg', '/events']) {
        await (await site.fetch(`/jobs/${id}${path}`)).text();
      }
      await (await site.fetch('/jobs?limit=100')).text();
      await (await site.fetch('/metrics')).text();
      if (site.client.acknowledged.size > KEPT_JOBS) await removeOldest(site);
    }
  };
  const samples: Sample[] = [];
  const sampling = (async () => {
    while (!over()) {
      samples.push(await sample(site, (performance.now() - startedMs) / 60_000, jobs));
      trial.note(JSON.stringify(samples.at(-1)));
      console.log(JSON.stringify(samples.at(-1)));
      await sleep(Math.min(SAMPLE_MS, (60_000 * minutes) / 20));
    }
  })();
  await Promise.all([sampling, ...Array.from({ length: CLIENTS }, () => client())]);
  const warm = samples.filter((each) => each.minutes >= WARM_SHARE * minutes);
  const slope = 60 * (slopeOf(warm, (s) => s.apiMb) + slopeOf(warm, (s) => s.workerMb));
  await reconcile(trial, site);
  const last = await sample(site, minutes, jobs);
  console.log(JSON.stringify(last));
  const first = warm[0]!;
  const more = (of: (each: Sample) => number) => Math.max(0, of(last) - of(first));
  const grown = Math.max(
    ...[more((s) => s.apiFds), more((s) => s.workerFds), more((s) => s.redisClients), more((s) => s.files)],
  );
  assertKept(slope <= SLOPE_MB_AN_HOUR, `API and worker grew by ${slope.toFixed(1)} MB an hour`);
  assertKept(grown <= 10, `something leaks: ${JSON.stringify(first)} -> ${JSON.stringify(last)}`);
  return [
    { n: jobs, worst: Math.max(0, slope) },
    { n: jobs, worst: grown },
  ];
}

/** Watches a job until its end, or leaves after `mostMs`. */
async function viewFor(site: Site, id: string, mostMs: number): Promise<void> {
  const leave = sleep(mostMs, 'left' as const, { ref: false });
  const viewer = readEventStream(() => `${site.address}/jobs/${id}/events`);
  for (;;) {
    const next = await Promise.race([viewer.next(), leave]);
    if (next === 'left' || next.done === true) break;
  }
  void viewer.return(undefined).catch(() => {});
}

async function removeOldest(site: Site): Promise<void> {
  for (const [id] of site.client.acknowledged) {
    const job = await site.client.job(id);
    if (job?.terminal !== true) continue;
    await site.client.remove(id);
    return;
  }
}

async function sample(site: Site, minutes: number, jobs: number): Promise<Sample> {
  const worker = site.livingWorkers[0]!.pid;
  const info = await site.commands.info();
  const number = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);
  return {
    minutes: Math.round(10 * minutes) / 10,
    apiMb: residentMb(site.apiPid),
    workerMb: residentMb(worker),
    apiFds: readdirSync(`/proc/${site.apiPid}/fd`).length,
    workerFds: readdirSync(`/proc/${worker}/fd`).length,
    redisClients: number('connected_clients'),
    redisKeys: await site.commands.dbsize(),
    redisMb: Math.round(number('used_memory') / 2 ** 20),
    files: countFiles(site.dataDir),
    jobs,
  };
}

/** Files and folders in it, some of which may be removed meanwhile. */
function countFiles(folder: string): number {
  let entries: Dirent[];
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
  const inside = entries.filter((entry) => entry.isDirectory());
  return inside.reduce((sum, { name }) => sum + countFiles(join(folder, name)), entries.length);
}

const residentMb = (pid: number): number => residentBytes(pid) / 2 ** 20;

/** Least squares, per minute. */
function slopeOf(samples: readonly Sample[], of: (each: Sample) => number): number {
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(samples.map(({ minutes }) => minutes)), mean(samples.map(of))];
  const top = samples.reduce((sum, each) => sum + (each.minutes - x) * (of(each) - y), 0);
  const bottom = samples.reduce((sum, each) => sum + (each.minutes - x) ** 2, 0);
  return bottom === 0 ? 0 : top / bottom;
}
