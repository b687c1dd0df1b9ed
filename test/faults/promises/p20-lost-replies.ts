import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, type Experiment } from '../experiment.ts';
import { inParallel, reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { tinySpec } from '../specs.ts';

const JOBS = 25;
const SHARE = 0.1;
/** Of a round trip. A worker cannot keep a lease of 2 s when each lost reply costs several round trips of 400 ms. */
const API_DELAYS_MS = [0, 20, 100, 400];
const WORKER_DELAYS_MS = API_DELAYS_MS.slice(0, -1);

/** Redis runs the command, and its reply never arrives. */
export const lostReplies: Experiment = {
  name: 'lost-replies',
  rows: [
    {
      id: 'P20',
      promise: 'Ambiguous writes are safe',
      fault: `Redis runs the command and its reply is lost, for ${100 * SHARE} % of the replies to API and workers, over links with a round trip of ${API_DELAYS_MS.join(', ')} ms (to the workers: ${WORKER_DELAYS_MS.join(', ')}); n counts jobs`,
      designN: 5_000,
    },
  ],
  n: 1_000,
  shortN: 10,
  seconds: 120,
  run: async (trial) => {
    const { random } = trial;
    const site = await trial.lend('site', () => Site.start({ workers: 2, concurrency: 2, proxied: true }));
    const { apiLink, workerLink } = site;
    apiLink.delayMs = random.pick(API_DELAYS_MS) / 2;
    workerLink.delayMs = random.pick(WORKER_DELAYS_MS) / 2;
    for (const link of [apiLink, workerLink]) link.loseReplies(SHARE, random.strand());
    trial.note(`${apiLink.delayMs} ms each way to the API, ${workerLink.delayMs} to the workers`);
    const jobs = Array.from({ length: trial.times(JOBS) }, () => ({
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
    trial.note(`${apiLink.faults} replies to the API were lost, ${workerLink.faults} to the workers`);
    assertKept(apiLink.faults + workerLink.faults > 0, 'no reply was lost');
    apiLink.heal();
    workerLink.heal();
    await reconcile(trial, site, { faults: true });
    return [{ n: jobs.length }];
  },
};
