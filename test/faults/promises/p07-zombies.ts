import { setTimeout as sleep } from 'node:timers/promises';
import { signalAll } from '../../processes.ts';
import type { Started } from '../../running-installation.ts';
import { computing } from '../computing.ts';
import { assertKept, type Experiment, type Trial } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { LEASE_MS, Site } from '../site.ts';
import { RESUMABLE } from '../specs.ts';

const JOBS = 4;
const ZOMBIE_SECONDS = 2;
const AT_LAST_MS = 30_000;

/** Workers that are silent for longer than their lease, and come back believing that they still hold their jobs. */
export const stoppedWorkers: Experiment = {
  name: 'stopped-workers',
  rows: [
    {
      id: 'P7',
      promise: 'One result even with zombies',
      fault: 'SIGSTOP of a worker, with its trainers or without, for 2 to 3 leases, then SIGCONT',
      designN: 100,
      figure: 's until the zombie stopped (<= 2)',
    },
  ],
  n: 60,
  shortN: 1,
  seconds: 270,
  parallel: 2,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 2, concurrency: JOBS }));
    for (const spec of random.some(JOBS, RESUMABLE)) await site.client.create(spec);
    await sleep(random.between(200, 1_500));
    const victim = random.pick(site.livingWorkers);
    const busy = await computing(site.trainersOf(victim));
    const withTrainers = random.chance(0.5);
    const stoppedMs = random.between(2 * LEASE_MS, 3 * LEASE_MS);
    trial.note(
      `stop ${victim.pid}${withTrainers ? ' and its trainers' : ''} for ${stoppedMs} ms; ${busy.length} of them compute`,
    );
    const stopped = [victim, ...(withTrainers ? site.trainersOf(victim) : [])];
    signalAll(stopped, 'SIGSTOP');
    await sleep(stoppedMs);
    await takenOver(site, victim, trial);
    signalAll(random.some(stopped.length, stopped), 'SIGCONT');
    const tookMs = await site.eventually('a zombie trainer goes on', AT_LAST_MS, () =>
      site.trainersOf(victim).every(({ pid }) => !busy.some((entry) => entry.pid === pid)),
    );
    trial.assertWithin(ZOMBIE_SECONDS, tookMs / 1000, 'a zombie trainer went on');
    await reconcile(trial, site);
    return [{ n: 1, worst: tookMs / 1000 }];
  },
};

/** The same zombie by another way: everything runs, but a worker's bytes do not reach Redis. */
export const cutLinks: Experiment = {
  name: 'cut-links',
  rows: [
    {
      id: 'P7',
      promise: 'One result even with zombies',
      fault: "a worker's link to Redis cut or silent for 2 to 4 leases (the design: 60 s at 15 s)",
      designN: 50,
    },
  ],
  n: 30,
  shortN: 0,
  seconds: 290,
  parallel: 2,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 1, concurrency: JOBS, proxied: true }));
    // The second has a way of its own.
    const other = await trial.lend('other', async () => {
      const worker = await site.startWorker({ REDIS_URL: site.redisUrl });
      return { worker, close: () => worker.killTree() };
    });
    assertKept(other.worker.alive, 'the worker whose link was whole has ended');
    for (const spec of random.some(JOBS, RESUMABLE)) await site.client.create(spec);
    await sleep(random.between(200, 1_500));
    const forMs = random.between(2 * LEASE_MS, 4 * LEASE_MS);
    const how = random.pick(['cut', 'silence'] as const);
    trial.note(`${how} for ${forMs} ms`);
    site.workerLink[how]();
    await sleep(forMs);
    site.workerLink.heal();
    await reconcile(trial, site);
    return [{ n: 1 }];
  },
};

/** Waits until no job is this worker's any more. */
async function takenOver(site: Site, victim: Started, trial: Trial): Promise<void> {
  const tookMs = await site.eventually('a job stays with a worker that is silent', AT_LAST_MS, async () => {
    for (const { id } of site.client.acknowledged.values()) {
      const job = await site.client.job(id);
      if (job === undefined || job.terminal || job.status === 'queued') continue;
      if (job.attempts.at(-1)?.worker.endsWith(`/${victim.pid}`) === true) return false;
    }
    return true;
  });
  trial.note(`its jobs were taken over, looked for ${tookMs.toFixed(0)} ms`);
}
