import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, type Experiment } from '../experiment.ts';
import { inParallel, reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { tinySpec } from '../specs.ts';

const JOBS = 25;
const SHARE = 0.1;
const DELAYS_MS = [0, 20, 100, 400];

/** Redis did what it was told, and who told it never hears of it. */
export const lostReplies: Experiment = {
  name: 'lost-replies',
  rows: [
    {
      id: 'P20',
      promise: 'Ambiguous writes are safe',
      fault: `the reply is lost after Redis ran it, for ${100 * SHARE} % of what API and workers are answered, over links with a delay of ${DELAYS_MS.join(', ')} ms each way; n counts jobs`,
      designN: 5_000,
    },
  ],
  n: 1_000,
  shortN: JOBS,
  seconds: 215,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 2, concurrency: 2, proxied: true }));
    const links = [site.apiLink, site.workerLink];
    for (const link of links) {
      link.loseReplies(SHARE, random.strand());
      link.delayMs = random.pick(DELAYS_MS);
    }
    trial.note(`delays of ${links.map(({ delayMs }) => delayMs).join(' and ')} ms`);
    const jobs = Array.from({ length: JOBS }, () => ({
      spec: tinySpec(random),
      cancelAfterMs: random.chance(0.2) ? random.between(0, 1_000) : undefined,
    }));
    await inParallel(5, jobs, async ({ spec, cancelAfterMs }) => {
      const { id } = await site.client.create(spec);
      if (cancelAfterMs === undefined) return;
      await sleep(cancelAfterMs);
      trial.note(`cancel ${id}, ${cancelAfterMs} ms after its 202`);
      await site.client.cancel(id);
    });
    await site.allEnded(120_000);
    const [toApi, toWorkers] = links.map(({ faults }) => faults);
    trial.note(`${toApi} replies to the API were lost, ${toWorkers} to the workers`);
    assertKept(toApi! + toWorkers! > 0, 'no reply was lost');
    for (const link of links) link.heal();
    await reconcile(trial, site, { faults: true });
    return [{ n: JOBS }];
  },
};
