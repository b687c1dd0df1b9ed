import { setTimeout as sleep } from 'node:timers/promises';
import { stillAlive } from '../../support/processes.ts';
import { computing, firstThatHolds } from '../computing.ts';
import { Broken, type Experiment } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { blocking, endless } from '../specs.ts';

const WORKERS = 2;
const JOBS = 3;
const KILLS = 5;
const ORPHAN_SECONDS = 5;

/** Only the worker dies. Its trainers get no signal, and some are in the middle of a step of many seconds. */
export const orphans: Experiment = {
  name: 'orphans',
  rows: [
    {
      id: 'P8',
      promise: 'No orphan trainers',
      fault: 'SIGKILL of the worker only, while its trainers compute, some in one step of many seconds',
      designN: 100,
      figure: 's until the last trainer was gone (<= 5)',
    },
  ],
  n: 100,
  shortN: 2,
  seconds: 80,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: WORKERS, concurrency: 2 }));
    let worst = 0;
    let struck = 0;
    for (let kill = 0; kill < trial.times(KILLS); kill++) {
      const kinds = Array.from({ length: JOBS }, (_, job) =>
        random.chance(0.3) ? blocking() : endless(job),
      );
      const afterMs = random.between(0, 600);
      const places = random.some(WORKERS, [...site.livingWorkers.keys()]);
      for (let live = await site.commands.scard(site.keys.live); live < JOBS; live++)
        await site.client.create(kinds[live]);
      const victim = await firstThatHolds(
        site,
        places.map((place) => site.livingWorkers[place]),
      );
      await sleep(afterMs);
      const busy = await computing(site.trainersOf(victim));
      const trainers = site.trainersOf(victim);
      trial.note(
        `kill worker ${victim.pid} (drawn ${places}) ${afterMs} ms after its job; ${busy.length} of ${trainers.length} trainers compute`,
      );
      if (stillAlive(busy).length > 0) struck++;
      const killedMs = performance.now();
      await victim.stop('SIGKILL');
      await site.eventually('trainers outlive their worker', 60_000, () => stillAlive(trainers).length === 0);
      worst = Math.max(worst, (performance.now() - killedMs) / 1000);
      await site.startWorker();
    }
    trial.assertWithin(ORPHAN_SECONDS, worst, 'trainers outlived their worker');
    for (const id of site.client.acknowledged.keys()) await site.client.cancel(id);
    const endings = await reconcile(trial, site, { faults: true });
    if (endings.some(({ job }) => job.status === 'succeeded')) throw new Broken('a job without an end ended');
    return [{ n: struck, worst }];
  },
};
