import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../../../src/contract/job.ts';
import { type ProcessEntry, signalAll } from '../../support/processes.ts';
import type { Started } from '../../support/running-installation.ts';
import { computing, firstThatHolds, heldBy } from '../computing.ts';
import { assertKept, type Experiment, type Trial } from '../experiment.ts';
import { type Ending, reconcile } from '../reconcile.ts';
import { LEASE_MS, Site } from '../site.ts';
import { RESUMABLE } from '../specs.ts';

const JOBS = 4;
const ZOMBIE_SECONDS = 2;
/** No other worker may start the job before this. */
const CUT_SECONDS = LEASE_MS / 1000;
const AT_LAST_MS = 30_000;
/** By then everything that a worker sent before the fault has arrived. */
const ARRIVED_MS = 100;

/** Workers that are stopped for longer than their lease, and then continue as if they still held their jobs. */
export const stoppedWorkers: Experiment = {
  name: 'stopped-workers',
  rows: [
    {
      id: 'P7',
      promise: 'One result even with zombies',
      fault: 'SIGSTOP of a busy worker, with or without its trainers, for 2 to 3 leases, then SIGCONT',
      designN: 100,
      figure: 's until the zombie stopped (<= 2)',
    },
  ],
  n: 60,
  shortN: 1,
  seconds: 120,
  parallel: 2,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 2, concurrency: JOBS }));
    const specs = random.some(JOBS, RESUMABLE);
    const afterMs = random.between(0, 1_000);
    const places = random.some(2, [0, 1]);
    const withTrainers = random.chance(0.5);
    const stoppedMs = random.between(2 * LEASE_MS, 3 * LEASE_MS);
    for (const spec of specs) await site.client.create(spec);
    const drawn = places.map((place) => site.livingWorkers[place]);
    const victim = await firstThatHolds(site, drawn);
    await sleep(afterMs);
    const busy = await computing(site.trainersOf(victim));
    const stopped = [victim, ...(withTrainers ? site.trainersOf(victim) : [])];
    signalAll(stopped, 'SIGSTOP');
    await sleep(ARRIVED_MS);
    const held = await heldBy(site, victim);
    trial.note(
      `stop ${victim.pid} (drawn ${places})${withTrainers ? ' and its trainers' : ''} ${afterMs} ms after its job, for ${stoppedMs} ms; it held ${held.length} jobs, ${busy.length} trainers compute`,
    );
    await sleep(stoppedMs - ARRIVED_MS);
    await takenOver(site, held, victim, trial);
    signalAll(random.some(stopped.length, stopped), 'SIGCONT');
    const tookMs = await gone(site, victim, busy);
    trial.assertWithin(ZOMBIE_SECONDS, tookMs / 1000, 'a zombie trainer went on');
    const endings = await reconcile(trial, site, { faults: true });
    assertRefused(trial, endings, held);
    return [{ n: struck(held, busy), worst: tookMs / 1000 }];
  },
};

/** Another kind of zombie: all processes run, but a worker's bytes do not reach Redis. */
export const cutLinks: Experiment = {
  name: 'cut-links',
  rows: [
    {
      id: 'P7',
      promise: 'One result even with zombies',
      fault:
        'the link between Redis and a busy worker is cut or silent for 2 to 4 leases (the design: 60 s at 15 s)',
      designN: 50,
      figure: `s from the cut until its trainers stopped (<= ${CUT_SECONDS}, the lease)`,
    },
  ],
  n: 30,
  shortN: 0,
  seconds: 150,
  parallel: 2,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 1, concurrency: JOBS, proxied: true }));
    const victim = site.workers[0];
    // The second worker has its own link.
    const { worker: other } = await trial.lend('other', async () => {
      const worker = await site.startWorker({ REDIS_URL: site.redisUrl });
      return { worker, close: () => worker.killTree() };
    });
    const specs = random.some(JOBS, RESUMABLE);
    const afterMs = random.between(0, 1_000);
    const forMs = random.between(2 * LEASE_MS, 4 * LEASE_MS);
    const how = random.pick(['cut', 'silence'] as const);
    for (const spec of specs) await site.client.create(spec);
    await firstThatHolds(site, [victim, other]);
    await sleep(afterMs);
    const busy = await computing(site.trainersOf(victim));
    const cutMs = performance.now();
    site.workerLink[how]();
    await sleep(ARRIVED_MS);
    const held = await heldBy(site, victim);
    trial.note(
      `${how} ${afterMs} ms after the first job began, for ${forMs} ms; the worker held ${held.length} jobs, ${busy.length} trainers compute`,
    );
    await gone(site, victim, busy);
    const tookMs = performance.now() - cutMs;
    trial.assertWithin(CUT_SECONDS, tookMs / 1000, 'a trainer went on without its lease');
    await sleep(forMs - (performance.now() - cutMs));
    await takenOver(site, held, victim, trial);
    site.workerLink.heal();
    const endings = await reconcile(trial, site, { faults: true });
    assertRefused(trial, endings, held);
    assertKept(
      victim.alive && other.alive,
      'a worker ended after its link or that of another worker was cut',
    );
    return [{ n: struck(held, busy), worst: tookMs / 1000 }];
  },
};

const struck = (held: readonly Job[], busy: readonly ProcessEntry[]): number =>
  held.length > 0 && busy.length > 0 ? 1 : 0;

/** Waits until this worker holds none of these jobs. */
async function takenOver(site: Site, held: readonly Job[], victim: Started, trial: Trial): Promise<void> {
  const tookMs = await site.eventually('a job stays with a worker that is silent', AT_LAST_MS, async () => {
    const still = new Set((await heldBy(site, victim)).map(({ id }) => id));
    return held.every(({ id }) => !still.has(id));
  });
  trial.note(`its jobs were taken over after ${tookMs.toFixed(0)} ms`);
}

/** Waits until all of these trainers are gone. @returns the wait in ms. */
async function gone(site: Site, victim: Started, trainers: readonly ProcessEntry[]): Promise<number> {
  const pids = trainers.map(({ pid }) => pid);
  return await site.eventually('a zombie trainer goes on', AT_LAST_MS, () =>
    site.trainersOf(victim).every(({ pid }) => !pids.includes(pid)),
  );
}

/** The zombie's writes were refused: its jobs went to the other worker, and to no third one. */
function assertRefused(trial: Trial, endings: readonly Ending[], held: readonly Job[]): void {
  // On a shared machine the other worker may lose its lease too.
  if (trial.patience > 1) return;
  for (const { job, events } of endings.filter(({ job }) => held.some(({ id }) => id === job.id))) {
    const attempts = job.attempts.map(({ outcome }) => outcome).join();
    const queued = events.filter(({ type }) => type === 'job.queued').length;
    assertKept(
      attempts === 'worker_lost,succeeded' && queued === 1,
      `${job.id} was taken from a zombie, and then: attempts ${attempts}, ${queued} times queued`,
    );
  }
}
