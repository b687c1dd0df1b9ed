import { setTimeout as sleep } from 'node:timers/promises';
import { stillAlive } from '../../processes.ts';
import { Broken, type Experiment } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { blocking, endless } from '../specs.ts';

const KILLS = 5;
const ORPHAN_SECONDS = 5;

/** A worker dies alone; nobody tells its trainers, and some of them are in the midst of a step of many seconds. */
export const orphans: Experiment = {
  name: 'orphans',
  rows: [
    {
      id: 'P8',
      promise: 'No orphan trainers',
      fault: 'SIGKILL of the worker alone, its trainers computing, some in one step of many seconds',
      designN: 100,
      figure: 's until the last was gone (<= 5)',
    },
  ],
  n: 100,
  shortN: KILLS,
  seconds: 200,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 2, concurrency: 2 }));
    for (let job = 0; job < 3; job++)
      await site.client.create(random.chance(0.3) ? blocking() : endless(job));
    let worst = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      await sleep(random.between(100, 1_000));
      const victim = random.pick(site.livingWorkers);
      const trainers = site.trainersOf(victim);
      trial.note(`kill worker ${victim.pid} with ${trainers.length} trainers`);
      await victim.stop('SIGKILL');
      const tookMs = await site.eventually(
        'trainers outlive their worker',
        60_000,
        () => stillAlive(trainers).length === 0,
      );
      worst = Math.max(worst, tookMs / 1000);
      await site.startWorker();
    }
    trial.assertWithin(ORPHAN_SECONDS, worst, 'trainers outlived their worker');
    for (const id of site.client.acknowledged.keys()) await site.client.cancel(id);
    const endings = await reconcile(trial, site);
    if (endings.some(({ job }) => job.status === 'succeeded')) throw new Broken('a job without an end ended');
    return [{ n: KILLS, worst }];
  },
};
