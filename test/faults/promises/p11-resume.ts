import { setTimeout as sleep } from 'node:timers/promises';
import { signalAll } from '../../processes.ts';
import type { Experiment, Trial } from '../experiment.ts';
import { type Ending, reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { RESUMABLE } from '../specs.ts';

const JOBS = 4;
const KILLS = 8;
/** After so long, or after so many times what the last one cost, a checkpoint is due. */
const CHECKPOINT_SECONDS = 2;
const CHECKPOINT_COST_SHARE = 10;
const WATCH_MS = 50;
/** Until a checkpoint is seen, and until a kill. */
const SLACK_SECONDS = 1;

/** Workers and trainers are killed while jobs train that have everything a checkpoint must keep. */
export const killedInTraining: Experiment = {
  name: 'killed-in-training',
  rows: [
    {
      id: 'P11',
      promise: 'Bit-identical resume',
      fault:
        'SIGKILL of a worker or a trainer at a random step, 20 configurations; n counts starts after a kill',
      designN: 200,
    },
    {
      id: 'P10',
      promise: 'Lost work <= one epoch + 2 s (or 10 times the cost of a checkpoint)',
      fault: 'as P11',
      designN: 100,
      figure: 's computed again',
    },
  ],
  n: 200,
  shortN: 2,
  seconds: 360,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 2, concurrency: JOBS }));
    for (const spec of random.some(JOBS, RESUMABLE)) await site.client.create(spec);
    const seen = new CheckpointWatch(site);
    const workerKills: WorkerKills = new Map();
    for (let kill = 0; kill < KILLS; kill++) await killOne(site, trial, workerKills);
    await site.allEnded(120_000);
    seen.stop();
    const endings = await reconcile(trial, site);
    const lost = endings.flatMap((ending) => lostSeconds(ending, seen, workerKills, trial));
    return [{ n: lost.length }, { n: lost.length, worst: Math.max(0, ...lost) }];
  },
};

/** When each worker was killed, by pid, in ms since the Unix epoch: the record learns of it a lease later. */
type WorkerKills = Map<number, number>;

/** Sees when a checkpoint begins to count: no event tells. */
class CheckpointWatch {
  readonly #seenMs = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(site: Site) {
    const ids = [...site.client.acknowledged.keys()];
    this.#timer = setInterval(() => {
      for (const id of ids) {
        void site.commands.hget(site.keys.job(id), 'checkpoint').then((text) => {
          const [newest] = text ? (JSON.parse(text) as { epoch: number }[]) : [];
          if (newest !== undefined)
            this.#seenMs.set(`${id} ${newest.epoch}`, this.#firstSeen(id, newest.epoch));
        });
      }
    }, WATCH_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** When the checkpoint of this epoch was first seen; now, when it was not. */
  #firstSeen(id: string, epoch: number): number {
    return this.#seenMs.get(`${id} ${epoch}`) ?? Date.now();
  }

  seenMs(id: string, epoch: number): number {
    return this.#seenMs.get(`${id} ${epoch}`) ?? 0;
  }
}

async function killOne(site: Site, trial: Trial, workerKills: WorkerKills): Promise<void> {
  const { random } = trial;
  const afterMs = random.between(200, 1_500);
  await sleep(afterMs);
  const worker = random.pick(site.livingWorkers);
  const trainers = site.trainersOf(worker);
  if (trainers.length > 0 && random.chance(0.7)) {
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

/**
 * For each start but the first: seconds of work that the kill before it cost, from the checkpoint that it went on from.
 * When that was none of the killed attempt's own: the epochs that this one had told of.
 */
function lostSeconds(
  { job, events }: Ending,
  seen: CheckpointWatch,
  workerKills: WorkerKills,
  trial: Trial,
): number[] {
  let attempt = 0;
  const told: number[] = [];
  let longest = 0;
  for (const event of events) {
    if (event.type === 'job.running') attempt = event.data.attempt;
    if (event.type !== 'job.epoch') continue;
    const { duration_seconds } = event.data;
    told[attempt] = (told[attempt] ?? 0) + duration_seconds;
    // One epoch's report waits for the checkpoint before it: so this holds what a checkpoint costs.
    longest = Math.max(longest, duration_seconds);
  }
  const most = Math.max(CHECKPOINT_SECONDS, CHECKPOINT_COST_SHARE * longest) + longest + SLACK_SECONDS;
  return job.attempts.slice(1).map(({ from_epoch }, i) => {
    const { attempt: killed, worker, started_at, ended_at } = job.attempts[i]!;
    const endedMs = workerKills.get(Number(worker.split('/').at(-1))) ?? Date.parse(ended_at!);
    const checkpointMs = seen.seenMs(job.id, from_epoch);
    const seconds =
      checkpointMs > Date.parse(started_at)
        ? Math.max(0, endedMs - checkpointMs) / 1000
        : (told[killed] ?? 0);
    trial.assertWithin(most, seconds, `${job.id}: the kill of attempt ${killed} cost work`);
    return seconds;
  });
}
