import { setTimeout as sleep } from 'node:timers/promises';
import type { Experiment, Trial } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { tinySpec } from '../specs.ts';

const WORKERS = 4;
const KILLS = 5;
const JOBS = 17;

/** Jobs keep coming while workers are killed; half of the kills follow an event at once, in the midst of steps. */
export const workerCrash: Experiment = {
  name: 'worker-crash',
  rows: [
    {
      id: 'P1',
      promise: 'A 202 is never lost to a worker crash',
      fault: `SIGKILL of one of ${WORKERS} workers, ${JOBS} jobs to ${KILLS} kills`,
      designN: 300,
    },
  ],
  n: 300,
  shortN: KILLS,
  seconds: 330,
  run: async (trial) => {
    const site = await trial.lend('site', () => Site.start({ workers: WORKERS, concurrency: 2 }));
    await Promise.all([postJobs(site, trial), killWorkers(site, trial)]);
    await reconcile(trial, site);
    return [{ n: KILLS }];
  },
};

async function postJobs(site: Site, { random }: Trial): Promise<void> {
  for (let i = 0; i < JOBS; i++) {
    await site.client.create(tinySpec(random));
    await sleep(random.between(0, 150));
  }
}

async function killWorkers(site: Site, trial: Trial): Promise<void> {
  const { random } = trial;
  for (let kill = 0; kill < KILLS; kill++) {
    const afterEvents = random.chance(0.5) ? random.between(1, 12) : undefined;
    const afterMs = random.between(0, 600);
    if (afterEvents === undefined) await sleep(afterMs);
    else await site.afterEvents(afterEvents, 2_000);
    const victim = random.pick(site.livingWorkers);
    // With its trainers, or without: then they must notice by themselves.
    const tree = random.chance(0.5);
    trial.note(
      `kill ${victim.pid}${tree ? ' with its trainers' : ''} ${afterEvents === undefined ? `after ${afterMs} ms` : `at event ${afterEvents}`}`,
    );
    if (tree) await victim.killTree();
    else await victim.stop('SIGKILL');
    await site.startWorker();
  }
}
