import { setTimeout as sleep } from 'node:timers/promises';
import { signalAll } from '../../support/processes.ts';
import type { Experiment, Trial } from '../experiment.ts';
import type { Acknowledged } from '../ledger.ts';
import { type Ending, reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { optioned, resumable } from '../specs.ts';

const JOBS = 4;
const KILLS = 4;
const PAUSES = 4;
/** Of a pause until the resume is asked for. */
const MOST_PAUSED_MS = 800;
/** Long enough for most kills to find a checkpoint. */
const SPECS = [...resumable(90), ...optioned(90)];
/** An extension, in epochs. */
const MORE_EPOCHS = 10;
/** A checkpoint is due after this long. Ten times its cost is far less for models as small as these. */
const CHECKPOINT_SECONDS = 2;
const WATCH_MS = 50;
/** Allowance for the start of an attempt and for the delay until the trial sees a checkpoint. */
const SLACK_SECONDS = 1;

/** Workers and trainers are killed, jobs paused, forked and extended, while jobs train that use every part of a checkpoint. */
export const killedInTraining: Experiment = {
  name: 'killed-in-training',
  rows: [
    {
      id: 'P11',
      promise: 'Bit-identical resume',
      fault:
        'SIGKILL of a worker or a trainer, or a pause, fork or extension of a job, at a random step, 40 configurations; n counts starts from a checkpoint',
      designN: 200,
    },
    {
      id: 'P10',
      promise: 'Lost work <= one epoch + 2 s',
      fault: 'as P11; n counts killed attempts, including those without a checkpoint',
      designN: 100,
      figure: 's from the last checkpoint or the start to the kill (<= one epoch + 2 s, plus 1 s to start)',
    },
  ],
  n: 200,
  shortN: 2,
  seconds: 150,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 2, concurrency: JOBS }));
    for (const spec of random.some(JOBS, SPECS)) await site.client.create(spec);
    const seen = new CheckpointWatch(site);
    const workerKills: WorkerKills = new Map();
    try {
      await site.eventually('no job has a checkpoint', 60_000, () => seen.count >= 1);
      const asked = [...site.client.acknowledged.values()];
      const pauses = pauseSome(site, trial);
      for (let kill = 0; kill < KILLS; kill++) await killOne(site, trial, workerKills);
      await pauses;
      await forkOne(site, trial, asked);
      await site.allEnded(120_000);
      await extendOne(site, trial, asked);
      await site.allEnded(120_000);
    } finally {
      seen.stop();
    }
    const endings = await reconcile(trial, site, { faults: true });
    const killed = endings.flatMap((ending) => killedAttempts(ending, seen, workerKills));
    for (const { what, lostSeconds, mostSeconds } of killed)
      trial.assertWithin(mostSeconds, lostSeconds, `${what} cost work`);
    const resumed = killed.filter(({ resumedFrom }) => resumedFrom > 0);
    const continued = endings.flatMap(({ job }) => startsAfterRequests(job)).filter((from) => from > 0);
    return [
      { n: resumed.length + continued.length },
      { n: killed.length, worst: Math.max(0, ...killed.map(({ lostSeconds }) => lostSeconds)) },
    ];
  },
};

/** When each worker was killed, by pid, in ms since the Unix epoch: the record shows it only a lease later. */
type WorkerKills = Map<number, number>;

/** Polls for the time at which each checkpoint takes effect, because there is no event for it. */
class CheckpointWatch {
  readonly #site: Site;
  /** In ms since the Unix epoch, by job and file: another attempt may write one of the same epoch. */
  readonly #seenMs = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(site: Site) {
    this.#site = site;
    const ids = [...site.client.acknowledged.keys()];
    this.#timer = setInterval(() => {
      for (const id of ids) void this.#look(id).catch(() => {});
    }, WATCH_MS);
  }

  get count(): number {
    return this.#seenMs.size;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Undefined when this attempt wrote none of this epoch. */
  seenMs(id: string, attempt: number, epoch: number): number | undefined {
    return this.#seenMs.get(`${id}/${attempt}-${epoch}.ckpt`);
  }

  async #look(id: string): Promise<void> {
    const text = await this.#site.commands.hget(this.#site.keys.job(id), 'checkpoint');
    for (const { name } of text ? (JSON.parse(text) as { name: string }[]) : []) {
      const file = `${id}/${name}`;
      if (!this.#seenMs.has(file)) this.#seenMs.set(file, Date.now());
    }
  }
}

async function killOne(site: Site, trial: Trial, workerKills: WorkerKills): Promise<void> {
  // Whether there is a trainer to kill depends on the machine; the draws of the next kill must not.
  const random = trial.random.strand();
  const afterMs = random.between(200, 1_800);
  await sleep(afterMs);
  const worker = random.pick(site.livingWorkers);
  const trainers = site.trainersOf(worker);
  if (random.chance(0.7) && trainers.length > 0) {
    const trainer = random.pick(trainers);
    trial.note(`after ${afterMs} ms kill trainer ${trainer.pid}`);
    signalAll([trainer], 'SIGKILL');
  } else {
    trial.note(`after ${afterMs} ms kill worker ${worker.pid}`);
    workerKills.set(worker.pid, Date.now());
    await worker.stop('SIGKILL');
    await site.startWorker();
  }
}

/** Pauses jobs and resumes them a moment later, while workers and trainers are killed. */
async function pauseSome(site: Site, trial: Trial): Promise<void> {
  const random = trial.random.strand();
  const draws = Array.from({ length: PAUSES }, () => ({
    id: random.pick([...site.client.acknowledged.keys()]),
    afterMs: random.between(200, 1_800),
    now: random.chance(0.5),
    pausedMs: random.between(0, MOST_PAUSED_MS),
  }));
  for (const { id, afterMs, now, pausedMs } of draws) {
    await sleep(afterMs);
    trial.note(`after ${afterMs} ms pause ${id}${now ? ' at once' : ''}, resume it ${pausedMs} ms later`);
    if (!(await site.client.pause(id, now))) continue;
    await sleep(pausedMs);
    await site.client.resume(id);
  }
}

/** Nothing of the fork is changed, so it must come to the bits of its parent. */
async function forkOne(site: Site, trial: Trial, jobs: readonly Acknowledged[]): Promise<void> {
  const parent = trial.random.pick(jobs);
  const child = await site.client.fork(parent);
  trial.note(`fork ${parent.id}: ${child?.id ?? 'it has no checkpoint to go on from'}`);
}

async function extendOne(site: Site, trial: Trial, jobs: readonly Acknowledged[]): Promise<void> {
  const parent = trial.random.pick(jobs);
  const { epochs } = (parent.spec as { training: { epochs: number } }).training;
  const child = await site.client.extend(parent, epochs + MORE_EPOCHS);
  trial.note(`extend ${parent.id}: ${child?.id ?? 'it stopped early'}`);
}

/** The epochs at which the attempts continued that followed a pause, and at which those of a fork began. */
const startsAfterRequests = ({ attempts, parent }: Ending['job']): number[] =>
  attempts.flatMap(({ from_epoch }, i) =>
    (i === 0 ? parent !== null : attempts[i - 1]!.outcome === 'paused') ? [from_epoch] : [],
  );

interface KilledAttempt {
  what: string;
  /** The epoch at which the next attempt continued. */
  resumedFrom: number;
  /** Seconds of lost computation. */
  lostSeconds: number;
  mostSeconds: number;
}

/** The attempts that were ended by a kill and followed by another attempt. */
function killedAttempts({ job, events }: Ending, seen: CheckpointWatch, kills: WorkerKills): KilledAttempt[] {
  const epochs = events.flatMap((event) => (event.type === 'job.epoch' ? [event.data.duration_seconds] : []));
  const mostSeconds = Math.max(0, ...epochs) + CHECKPOINT_SECONDS + SLACK_SECONDS;
  return job.attempts.slice(0, -1).flatMap(({ attempt, worker, started_at, ended_at, outcome }, i) => {
    const endMs =
      outcome === 'worker_lost'
        ? kills.get(Number(worker.split('/').at(-1)))
        : outcome === 'trainer_crashed'
          ? Date.parse(ended_at!)
          : undefined;
    if (endMs === undefined) return [];
    const resumedFrom = job.attempts[i + 1].from_epoch;
    // If the attempt wrote no checkpoint that the next one could use, all its work is lost.
    const savedMs = seen.seenMs(job.id, attempt, resumedFrom) ?? Date.parse(started_at);
    const lostSeconds = Math.max(0, endMs - savedMs) / 1000;
    return [{ what: `the kill of attempt ${attempt} of ${job.id}`, resumedFrom, lostSeconds, mostSeconds }];
  });
}
