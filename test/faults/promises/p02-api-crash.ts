import { setTimeout as sleep } from 'node:timers/promises';
import type { Experiment } from '../experiment.ts';
import { inParallel, reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { tinySpec } from '../specs.ts';

const POSTS = 40;
const KILLS = 4;

/** The client repeats what was not answered, with the same Idempotency-Key. */
export const apiCrash: Experiment = {
  name: 'api-crash',
  rows: [
    {
      id: 'P2',
      promise: 'A 202 is never lost to an API crash, and no job is made twice',
      fault: 'SIGKILL of the API while 8 clients post, 10 posts a kill',
      designN: 100,
    },
  ],
  n: 100,
  shortN: KILLS,
  seconds: 130,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 1, concurrency: 2 }));
    const specs = Array.from({ length: POSTS }, () => tinySpec(random));
    let posting = true;
    const posted = inParallel(8, specs, async (spec) => {
      await site.client.create(spec);
      await sleep(random.between(0, 400));
    }).finally(() => {
      posting = false;
    });
    for (let kill = 0; kill < KILLS; kill++) {
      await sleep(random.between(0, 300));
      trial.note(`kill the API${posting ? ' while posts come' : ''}`);
      await site.startedWith(site.apiPid).stop('SIGKILL');
      await site.startApi();
    }
    await posted;
    await reconcile(trial, site);
    return [{ n: KILLS }];
  },
};
