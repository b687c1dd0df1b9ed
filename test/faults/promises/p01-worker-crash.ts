import { setTimeout as sleep } from 'node:timers/promises';
import { firstThatHolds, heldBy } from '../computing.ts';
import type { Experiment, Trial } from '../experiment.ts';
import type { Random } from '../random.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { manyEpochs, tinySpec } from '../specs.ts';

const WORKERS = 4;
const KILLS = 5;
/** The least number of jobs per trial, and the number of unfinished jobs: some always wait. */
const JOBS = 20;
const LIVE_JOBS = 12;
/** For every second job, so that no worker runs out of jobs. */
const EPOCHS = 60;

/** Jobs keep arriving while workers are killed. Half of the kills follow an event at once, in the middle of transitions. */
export const workerCrash: Experiment = {
  name: 'worker-crash',
  rows: [
    {
      id: 'P1',
      promise: 'A 202 is never lost to a worker crash',
      fault: `SIGKILL of one of ${WORKERS} workers that holds a running job, at least ${JOBS} jobs per ${KILLS} kills`,
      designN: 300,
    },
  ],
  n: 300,
  shortN: 2,
  seconds: 150,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: WORKERS, concurrency: 2 }));
    const [forJobs, forKills] = [random.strand(), random.strand()];
    let killing = true;
    const [n] = await Promise.all([
      killWorkers(site, forKills, trial).finally(() => {
        killing = false;
      }),
      postJobs(site, forJobs, trial.times(JOBS), () => killing),
    ]);
    trial.note(`${site.client.acknowledged.size} jobs`);
    await reconcile(trial, site, { faults: true });
    return [{ n }];
  },
};

async function postJobs(site: Site, random: Random, least: number, more: () => boolean): Promise<void> {
  for (let i = 0; i < least || more(); i++) {
    while ((await site.commands.scard(site.keys.live)) >= LIVE_JOBS) await sleep(20);
    await site.client.create(random.chance(0.5) ? tinySpec(random) : manyEpochs(EPOCHS));
    await sleep(random.between(0, 80));
  }
}

/** @returns the number of killed workers that held a job. */
async function killWorkers(site: Site, random: Random, trial: Trial): Promise<number> {
  let struck = 0;
  for (let kill = 0; kill < trial.times(KILLS); kill++) {
    const afterEvents = random.chance(0.5) ? random.between(1, 12) : undefined;
    const afterMs = random.between(0, 600);
    const places = random.some(WORKERS, [...site.livingWorkers.keys()]);
    // With its trainers, or without: then they must detect its death themselves.
    const tree = random.chance(0.5);
    const drawn = places.map((place) => site.livingWorkers[place]);
    const victim = await firstThatHolds(site, drawn);
    if (afterEvents === undefined) await sleep(afterMs);
    else await site.afterEvents(afterEvents, 2_000);
    if (tree) await victim.killTree();
    else await victim.stop('SIGKILL');
    const held = await heldBy(site, victim);
    if (held.length > 0) struck++;
    trial.note(
      `killed worker ${victim.pid} (drawn ${places})${tree ? ' with its trainers' : ''} ${afterEvents === undefined ? `after ${afterMs} ms` : `at event ${afterEvents}`}; it held ${held.length} jobs`,
    );
    await site.startWorker();
  }
  return struck;
}
