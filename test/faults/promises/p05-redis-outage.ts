import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, Broken, type Experiment, type Trial } from '../experiment.ts';
import type { Acknowledged } from '../ledger.ts';
import type { Random } from '../random.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { endless, tinySpec } from '../specs.ts';

const WORKERS = 3;
const BUSY = 1;
const AGAIN_SECONDS = 30;
/** Longer than the bounds above at any patience. */
const GIVE_UP_MS = 400_000;

/** Seconds of the outage, concurrent trials, and time limit of all trials in seconds. */
const OUTAGES = [
  [1, 4, 60],
  [6, 4, 80],
  [20, 5, 125],
  [60, 10, 180],
] as const;

export const redisOutages: readonly Experiment[] = OUTAGES.map(([seconds, parallel, budget]) => ({
  name: `redis-outage-${seconds}`,
  rows: [
    {
      id: 'P5',
      promise: `A Redis outage of ${seconds} s heals without restarts`,
      fault: `Redis is stopped, killed or silent (SIGSTOP) for ${seconds} s; ${WORKERS} workers, ${BUSY} of them busy`,
      designN: 20,
      figure: 's until every worker fetched jobs again (<= 30)',
    },
  ],
  n: 20,
  shortN: 0,
  seconds: budget,
  parallel,
  run: (trial) => outage(trial, seconds),
}));

async function outage(trial: Trial, awaySeconds: number) {
  const { random } = trial;
  const site = await trial.lend('site', () => Site.start({ workers: WORKERS, concurrency: 1 }));
  const pids = site.livingWorkers.map(({ pid }) => pid);
  const busy = await Promise.all(Array.from({ length: BUSY }, (_, i) => site.client.create(endless(i))));
  for (const { id } of busy) await site.until(id, 'job.running');
  const how = random.pick(['SIGTERM', 'SIGKILL', 'SIGSTOP'] as const);
  const afterMs = random.between(0, 1_000);
  await sleep(afterMs);
  trial.note(`${how} ${afterMs} ms after the start, for ${awaySeconds} s`);
  if (how === 'SIGSTOP') {
    const { redis } = site;
    process.kill(redis!.pid, 'SIGSTOP');
    await sleep(1_000 * awaySeconds);
    process.kill(redis!.pid, 'SIGCONT');
  } else {
    await site.redis!.stop(how);
    await sleep(1_000 * awaySeconds);
    await site.startRedis();
  }
  const worst = await Promise.race([againAfter(site, random, busy), tooLong(trial, pids)]);
  trial.assertWithin(AGAIN_SECONDS, worst, `until all of the workers ${pids} had fetched again`);
  assertKept(site.livingWorkers.map(({ pid }) => pid).join() === pids.join(), 'a worker had to be restarted');
  // A worker gives up its jobs 0.6 x LEASE_MS after its last renewal, which may be LEASE_MS / 3 before the outage.
  await reconcile(trial, site, { faults: true, redisForgets: how === 'SIGKILL' });
  return [{ n: 1, worst }];
}

/** Seconds until the busy jobs were cancelled and every worker had fetched a newer job. */
async function againAfter(site: Site, random: Random, busy: readonly Acknowledged[]): Promise<number> {
  const startedMs = performance.now();
  for (const { id } of busy) await site.client.cancel(id);
  const fetched = new Set<string>();
  while (fetched.size < WORKERS) {
    const jobs = await Promise.all(
      Array.from({ length: WORKERS }, () => site.client.create(tinySpec(random))),
    );
    for (const { id } of jobs) {
      await site.eventually(`${id} does not start`, GIVE_UP_MS, async () => {
        const attempt = (await site.client.job(id))?.attempts[0];
        if (attempt !== undefined) fetched.add(attempt.worker);
        return attempt !== undefined;
      });
    }
  }
  return (performance.now() - startedMs) / 1000;
}

/** An API that never recovers must not hang the trial: the client would repeat its requests forever. */
async function tooLong(trial: Trial, pids: readonly number[]): Promise<never> {
  const most = AGAIN_SECONDS * trial.patience;
  await sleep(1_000 * most, undefined, { ref: false });
  throw new Broken(`not all of the workers ${pids} fetched again within ${most} s`);
}
