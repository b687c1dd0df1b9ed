import { setTimeout as sleep } from 'node:timers/promises';
import type { Experiment } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { tinySpec } from '../specs.ts';

const CLIENTS = 8;
const POSTS = 40;
const KILLS = 4;

/** The client repeats requests without a response, with the same Idempotency-Key. */
export const apiCrash: Experiment = {
  name: 'api-crash',
  rows: [
    {
      id: 'P2',
      promise: 'A 202 is never lost to an API crash, and no job is created twice',
      fault: `SIGKILL of the API while a POST is under way, ${CLIENTS} clients, at least ${POSTS} posts per ${KILLS} kills`,
      designN: 100,
    },
  ],
  n: 100,
  shortN: 2,
  seconds: 100,
  run: async (trial) => {
    const { random } = trial;
    const posts = trial.times(POSTS);
    const site = await trial.lend('site', () => Site.start({ workers: 1, concurrency: 2 }));
    let sent = 0;
    let underWay = 0;
    let killing = true;
    const posted = Promise.all(
      Array.from({ length: CLIENTS }, async () => {
        const own = random.strand();
        while (sent < posts || killing) {
          sent++;
          underWay++;
          await site.client.create(tinySpec(own));
          underWay--;
          await sleep(own.between(0, 300));
        }
      }),
    );
    let struck = 0;
    const kills = async () => {
      for (let kill = 0; kill < trial.times(KILLS); kill++) {
        const [more, afterMs] = [random.between(1, 12), random.between(0, 4)];
        const at = sent + more;
        while (sent < at) await sleep(1);
        await sleep(afterMs);
        trial.note(`kill the API ${afterMs} ms after ${more} more posts, ${underWay} of them under way`);
        if (underWay > 0) struck++;
        await site.startedWith(site.apiPid).stop('SIGKILL');
        await site.startApi();
      }
    };
    await Promise.all([
      posted,
      kills().finally(() => {
        killing = false;
      }),
    ]);
    await reconcile(trial, site);
    return [{ n: struck }];
  },
};
