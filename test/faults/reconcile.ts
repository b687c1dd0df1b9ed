import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { checkSpec } from '../../src/api/spec-limits.ts';
import { type Job, JobListSchema } from '../../src/contract/job.ts';
import type { JobEvent } from '../../src/contract/job-event.ts';
import { JobRequestSchema, type JobSpec, JobSpecSchema } from '../../src/contract/job-spec.ts';
import { resolveDataset } from '../../src/dataset/registry.ts';
import { SORTED_FACTS } from '../../src/store/facts.ts';
import { type JobRecord, parseRecord } from '../../src/store/job-record.ts';
import { metricsSha256, weightsSha256 } from '../../src/training/hashes.ts';
import { decodeModel } from '../../src/training/model-file.ts';
import { expectedBits } from './expected-bits.ts';
import { assertKept, Broken, type Trial } from './experiment.ts';
import type { Acknowledged } from './ledger.ts';
import type { Site } from './site.ts';

/** The invariants of every trial: in the end, the client's ledger is compared with the state of the service. */

export interface Expectations {
  /** Ids of jobs that may be gone, because Redis may lose the writes of its last second. */
  mayBeLost?: ReadonlySet<string>;
  /** Failures that the trial provokes, besides a third fault in a row. */
  mayFail?: (job: Job) => boolean;
  /** The trial strikes workers or trainers, or starves them: attempts may end in a fault. */
  faults?: boolean;
  /** Redis was killed and forgot its last writes. */
  redisForgets?: boolean;
  /** Some workers are of a build from before jobs had logs. */
  hasNoLogs?: boolean;
}

export interface Ending {
  job: Job;
  events: JobEvent[];
}

const FAULTS = ['worker_lost', 'trainer_crashed', 'lease_lost'];
const TERMINAL = /^job\.(succeeded|failed|cancelled)$/;
/** Longer than any automatic cleanup takes, except for the comparison that runs once a minute. */
const LITTER_MS = 20_000;
/** A job without progress for STUCK_MS is stuck; one that still runs after ENDLESS_MS never ends. */
const STUCK_MS = 40_000;
const ENDLESS_MS = 240_000;

/**
 * Waits until every acknowledged job has ended, checks each, removes it, and checks that nothing is left over and that
 * no process ended by itself.
 * @throws {Broken} naming the first difference.
 */
export async function reconcile(
  trial: Trial,
  site: Site,
  expectations: Expectations = {},
): Promise<Ending[]> {
  const { mayBeLost = new Set(), mayFail = () => false } = expectations;
  const { redisForgets = false, hasNoLogs = false } = expectations;
  // On a shared machine a lease of 2 s may be lost without a fault.
  const faults = expectations.faults === true || trial.patience > 1;
  const acknowledged = [...site.client.acknowledged.values()];
  const endings: Ending[] = [];
  for (const entry of acknowledged) {
    const job = await ended(site, entry);
    if (job === undefined) {
      assertKept(mayBeLost.has(entry.id), `${entry.id} was acknowledged but is gone`);
      site.client.acknowledged.delete(entry.id);
      // Its files stay until retention removes them, as for a finished job.
      rmSync(join(site.dataDir, 'jobs', entry.id), { recursive: true, force: true });
      continue;
    }
    const events = await site.events(entry.id);
    checkStory(entry, job, events);
    checkEnding(entry, job, events, mayFail);
    checkFaults(job, events, faults);
    if (job.status === 'succeeded') await checkBits(site, job, events, hasNoLogs);
    endings.push({ job, events });
  }
  await checkList(site);
  if (redisForgets) await removeForgotten(site);
  await nothingLeft(site, 'after the jobs ended');
  await inParallel(8, [...site.client.acknowledged.keys()], (id) => site.client.remove(id));
  await nothingLeft(site, 'after the jobs were removed');
  checkProcesses(site);
  const complaints = site.newComplaints();
  assertKept(redisForgets || complaints.length === 0, `the log has: ${complaints.join(', ')}`);
  return endings;
}

function checkProcesses(site: Site): void {
  for (const { alive, endedByUs, process: child } of site.started) {
    const how = child.signalCode ?? child.exitCode;
    assertKept(alive || endedByUs, `${child.spawnargs.slice(1, 2)} (${child.pid}) ended by itself: ${how}`);
  }
}

/** No attempt is lost unless the trial struck a worker or a trainer. */
function checkFaults(job: Job, events: JobEvent[], faults: boolean): void {
  const lost = job.attempts.filter(({ outcome }) => FAULTS.includes(outcome!));
  if (!faults && lost.length > 0)
    throw new Broken(`${job.id}: an attempt was lost without a fault\n${storyOf(events)}`);
}

/** Waits for the end of a job as long as it makes progress. */
async function ended(site: Site, { id }: Acknowledged): Promise<Job | undefined> {
  const startedMs = performance.now();
  let newsMs = startedMs;
  let known = '';
  for (;;) {
    const job = await site.client.job(id);
    if (job === undefined || job.terminal) return job;
    const nowMs = performance.now();
    const news = `${job.status} ${job.attempts.length} ${job.progress.step}`;
    if (news !== known) newsMs = nowMs;
    known = news;
    if (nowMs - newsMs > STUCK_MS || nowMs - startedMs > ENDLESS_MS) {
      throw new Broken(`${id} is stuck in ${job.status}\n${storyOf((await site.events(id)).slice(-8))}`);
    }
    await sleep(50);
  }
}

/** seq 1..N; one terminal event, at the end; epochs 1..k; one job.running per attempt. */
function checkStory({ spec }: Acknowledged, job: Job, events: JobEvent[]): void {
  const fail = (what: string) => new Broken(`${job.id}: ${what}\n${storyOf(events)}`);
  const { webhooks: _, ...parsed } = JobRequestSchema.parse(spec);
  const whole = (some: JobSpec) => {
    const { metadata: __, ...rest } = checkSpec(some, resolveDataset(some.dataset)).spec;
    return rest;
  };
  const asked = whole(parsed);
  // An earlier build stores a spec without the fields that came later.
  const has = whole(JobSpecSchema.parse(job.spec));
  if (!isDeepStrictEqual(asked, has)) throw fail('its spec is not the one that was sent');
  events.forEach(({ seq }, i) => {
    if (seq !== i + 1) throw fail(`event ${i + 1} has seq ${seq}`);
  });
  events.slice(1).forEach(({ created_at }, i) => {
    if (created_at < events[i].created_at) throw fail(`event ${i + 2} is earlier than the previous one`);
  });
  const ends = events.filter(({ type }) => TERMINAL.test(type));
  if (ends.length !== 1) throw fail(`${ends.length} terminal events`);
  if (events.at(-1)!.type !== `job.${job.status}`)
    throw fail(`its status is ${job.status}, but its last event differs`);
  let epoch = 0;
  for (const event of events) {
    if (event.type !== 'job.epoch') continue;
    if (event.data.epoch !== epoch + 1) throw fail(`epoch ${event.data.epoch} after ${epoch}`);
    epoch++;
  }
  if (job.progress.epoch < epoch)
    throw fail(`its progress is epoch ${job.progress.epoch}, but it has events of ${epoch}`);
  const starts = events.flatMap((event) => (event.type === 'job.running' ? [event.data] : []));
  if (starts.length !== job.attempts.length)
    throw fail(`${starts.length} starts, ${job.attempts.length} attempts`);
  for (const [i, attempt] of job.attempts.entries()) {
    const { attempt: number, worker, from_epoch, started_at, ended_at, outcome } = attempt;
    const told = starts[i];
    if (
      number !== i + 1 ||
      told.attempt !== number ||
      told.worker !== worker ||
      told.from_epoch !== from_epoch
    )
      throw fail(`attempt ${number} differs from its event`);
    if (ended_at === null || outcome === null) throw fail(`attempt ${number} never ended`);
    if (ended_at < started_at) throw fail(`attempt ${number} ended before it began`);
    if (i > 0 && attempt.reason === null) throw fail(`attempt ${number} has no reason`);
  }
}

/** The job succeeded, was cancelled, was given up after three faults, or failed as the trial intended. */
function checkEnding(
  { cancelled }: Acknowledged,
  job: Job,
  events: JobEvent[],
  mayFail: (job: Job) => boolean,
): void {
  const fail = (what: string) => new Broken(`${job.id}: ${what}\n${storyOf(events)}`);
  const { status, error, result, attempts } = job;
  if ((status === 'succeeded') !== (result !== null))
    throw fail(`its status is ${status}, but its result is ${result}`);
  if ((status === 'failed') !== (error !== null))
    throw fail(`its status is ${status}, but its error is ${error}`);
  if (status === 'cancelled' && !cancelled) throw fail('it is cancelled without a cancel');
  if (status === 'succeeded') {
    const epochs = events.filter(({ type }) => type === 'job.epoch').length;
    if (epochs !== (result!.stopped_epoch ?? job.spec.training.epochs))
      throw fail(`it succeeded after ${epochs} epochs`);
    if (job.cached ? attempts.length > 0 : attempts.at(-1)!.outcome !== 'succeeded')
      throw fail('its last attempt did not succeed, or it is cached and has one');
    if (result!.duration_seconds < 0) throw fail('its duration is negative');
  }
  if (status === 'failed' && FAULTS.includes(error!.code)) {
    if (error!.message === '' || attempts.at(-1)!.outcome !== error!.code)
      throw fail('the failure is not explained');
    if (faultsInARow(job, events) < 3) throw fail('it was given up before the third fault in a row');
  } else if (status === 'failed' && !mayFail(job)) {
    throw fail(`it failed: ${error!.code}: ${error!.message}`);
  }
}

/** The attempts that ended in a fault from that on which recorded the last epoch. */
function faultsInARow({ attempts }: Job, events: JobEvent[]): number {
  const lastEpoch = events.findLastIndex(({ type }) => type === 'job.epoch');
  const since = events
    .slice(0, lastEpoch + 1)
    .reduce((latest, event) => (event.type === 'job.running' ? event.data.attempt : latest), 1);
  return attempts.filter(({ attempt, outcome }) => attempt >= since && FAULTS.includes(outcome!)).length;
}

/** The files are those that the record names; files and metrics have the bits of an uninterrupted run. */
async function checkBits(site: Site, job: Job, events: JobEvent[], hasNoLogs: boolean): Promise<void> {
  const { model, evaluation, log } = await recordOf(site, job.id);
  assertKept(log !== undefined || hasNoLogs, `${job.id} has no log`);
  for (const file of [model!, evaluation!, ...(log ? [log] : [])]) {
    const path = join(site.dataDir, 'jobs', job.id, file.name);
    assertKept(
      job.cached || file.name.startsWith(`${job.attempts.length}-`),
      `${job.id}: ${file.name} is not from its last attempt`,
    );
    assertKept(existsSync(path), `${job.id}: the record names ${file.name}, which does not exist`);
    const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
    assertKept(sha256 === file.sha256, `${job.id}: ${file.name} is not the file that the record names`);
  }
  const bytes = readFileSync(join(site.dataDir, 'jobs', job.id, model!.name));
  const data = resolveDataset(job.spec.dataset);
  const { weights } = decodeModel(bytes, { spec: JobSpecSchema.parse(job.spec), data });
  const rows = events.flatMap((event) => (event.type === 'job.epoch' ? [event.data] : []));
  const found = { weights_sha256: weightsSha256(weights), metrics_sha256: metricsSha256(rows, data.task) };
  const expected = await expectedBits(job.spec);
  const isLog = log === undefined || log.sha256 === expected.log_sha256;
  assertKept(isLog, `${job.id}: its log is not that of an uninterrupted run`);
  for (const hash of ['weights_sha256', 'metrics_sha256'] as const) {
    assertKept(job.result![hash] === found[hash], `${job.id}: ${hash} is not that of the stored data`);
    assertKept(found[hash] === expected[hash], `${job.id}: ${hash} is not that of an uninterrupted run`);
  }
}

/** The list has one job per key, and only jobs that were acknowledged. */
async function checkList(site: Site): Promise<void> {
  const keys = new Set<string>();
  let path: string | null = '/jobs?limit=100';
  while (path !== null) {
    const answer = await site.client.ask('list', path, {});
    if (!('status' in answer) || answer.status === 503) {
      await sleep(50);
      continue;
    }
    assertKept(answer.status === 200, `the list was answered ${answer.status}: ${answer.body}`);
    const page = JobListSchema.parse(JSON.parse(answer.body));
    for (const { id, spec } of page.data) {
      const key = spec.metadata.key ?? '';
      assertKept(!keys.has(key), `two jobs of one Idempotency-Key, one of them ${id}`);
      keys.add(key);
      assertKept(site.client.acknowledged.has(id), `${id} is a job that was never acknowledged`);
    }
    path = page.next;
  }
  assertKept(keys.size === site.client.acknowledged.size, 'the list has fewer jobs than were acknowledged');
}

/**
 * Redis may have forgotten a job that no client knows of, because its 202 was never sent. Its files stay until retention
 * removes them.
 */
export async function removeForgotten({ dataDir, client, commands, keys }: Site): Promise<void> {
  const folder = join(dataDir, 'jobs');
  for (const id of existsSync(folder) ? readdirSync(folder) : []) {
    if (client.acknowledged.has(id) || (await commands.exists(keys.job(id))) === 1) continue;
    rmSync(join(folder, id), { recursive: true, force: true });
  }
}

/** Waits until only the records, the files that they name, and keys with a time to live are left. */
async function nothingLeft(site: Site, when: string): Promise<void> {
  const deadlineMs = performance.now() + LITTER_MS;
  for (;;) {
    const left = [...(await leftKeys(site)), ...(await leftFiles(site)), ...leftProcesses(site)];
    if (left.length === 0) return;
    if (performance.now() > deadlineMs) throw new Broken(`left over ${when}:\n${left.join('\n')}`);
    await sleep(200);
  }
}

async function leftKeys(site: Site): Promise<string[]> {
  const { keys, commands, client } = site;
  const expected = new Set(
    [...client.acknowledged.keys()].flatMap((id) => [keys.job(id), keys.events(id), keys.messages(id)]),
  );
  const bull = ['meta', 'events', 'marker', 'stalled-check', 'id'].map(
    (name) => `${keys.root}bull:training:${name}`,
  );
  const indexes = [
    keys.labels,
    keys.results,
    keys.facts('local'),
    ...SORTED_FACTS.map((fact) => keys.sorted(fact, 'local')),
  ];
  const lists =
    client.acknowledged.size > 0 ? [keys.jobs('local'), keys.finished, keys.statuses, ...indexes] : [];
  const lasting = [
    ...lists,
    keys.feed('local'),
    keys.workers,
    keys.reconciler,
    keys.probe,
    keys.share,
    keys.storage,
    keys.datasetBytes,
    ...bull,
  ];
  const left: string[] = [];
  for (const key of await commands.keys('*')) {
    if (expected.has(key) || lasting.includes(key) || key.startsWith(keys.timings(''))) continue;
    if (key.startsWith(`${keys.root}idempotency:`) || key.startsWith(keys.worker(''))) {
      if ((await commands.pttl(key)) === -1) left.push(`${key}, which never expires`);
    } else left.push(key);
  }
  return left;
}

/** What the record holds, packed or not; nothing when it is gone. */
export const recordOf = async (site: Site, id: string): Promise<Partial<JobRecord>> =>
  parseRecord(await site.commands.hgetall(site.keys.job(id))) ?? {};

async function leftFiles(site: Site): Promise<string[]> {
  const folder = join(site.dataDir, 'jobs');
  const left: string[] = [];
  const ids = existsSync(folder) ? readdirSync(folder) : [];
  // Workers test the folder while this looks.
  for (const id of ids.filter((name) => !name.startsWith('.write-test-'))) {
    const {
      model,
      evaluation,
      log,
      kept = [],
    } = site.client.acknowledged.has(id) ? await recordOf(site, id) : {};
    const names = [model, evaluation, log, ...kept].flatMap((file) =>
      file === undefined ? [] : [file.name],
    );
    const files = readdirSync(join(folder, id));
    if (names.length === 0) left.push(`the folder jobs/${id} with ${files.length} files`);
    left.push(...files.filter((file) => !names.includes(file)).map((file) => `jobs/${id}/${file}`));
  }
  const datasets = join(site.dataDir, 'datasets');
  const unknown = existsSync(datasets)
    ? readdirSync(datasets).filter((name) => !/^[a-z0-9_]+-[0-9a-f]{16}\.prepared$/.test(name))
    : [];
  return [...left, ...unknown.map((name) => `datasets/${name}`)];
}

/** Trainers that have outlived their worker. */
function leftProcesses(site: Site): string[] {
  const living = new Set(site.livingWorkers.map(({ pid }) => pid));
  return site
    .everyTrainer()
    .filter(({ parentPid }) => !living.has(parentPid))
    .map(({ pid, command }) => `process ${pid}: ${command}`);
}

const storyOf = (events: JobEvent[]): string =>
  events
    .map(
      ({ seq, created_at, type, data }) =>
        `${seq} ${created_at} ${type} ${JSON.stringify(data).slice(0, 120)}`,
    )
    .join('\n');

/** Calls `run` for each item, a few at a time. */
export async function inParallel<Item>(
  atATime: number,
  items: readonly Item[],
  run: (item: Item) => Promise<unknown>,
): Promise<void> {
  const left = [...items];
  const next = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await run(item);
  };
  await Promise.all(Array.from({ length: atATime }, next));
}
