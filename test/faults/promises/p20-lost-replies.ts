import { setTimeout as sleep } from 'node:timers/promises';
import type { Experiment } from '../experiment.ts';
import { inParallel, reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { tinySpec } from '../specs.ts';

const JOBS = 25;
const SHARE = 0.1;

/** Redis did what it was told, and who told it never hears of it. */
export const lostReplies: Experiment = {
  name: 'lost-replies',
  rows: [
    {
      id: 'P20',
      promise: 'Ambiguous writes are safe',
      fault:
        'the reply is lost after Redis ran it, for 10 % of what API and workers are answered; n counts jobs',
      designN: 5_000,
    },
  ],
  n: 1_000,
  shortN: JOBS,
  seconds: 215,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 2, concurrency: 2, proxied: true }));
    site.apiLink.loseReplies(SHARE, random);
    site.workerLink.loseReplies(SHARE, random);
    const specs = Array.from({ length: JOBS }, () => tinySpec(random));
    await inParallel(5, specs, async (spec) => {
      const { id } = await site.client.create(spec);
      if (random.chance(0.2)) {
        await sleep(random.between(0, 1_000));
        await site.client.cancel(id);
      }
    });
    await site.allEnded(120_000);
    trial.note(
      `${site.apiLink.faults} replies to the API were lost, ${site.workerLink.faults} to the workers`,
    );
    site.apiLink.heal();
    site.workerLink.heal();
    await reconcile(trial, site);
    return [{ n: JOBS }];
  },
};
