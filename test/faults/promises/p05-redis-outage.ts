import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, type Experiment, type Trial } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { endless, tinySpec } from '../specs.ts';

const WORKERS = 3;
const BUSY = 1;
const AGAIN_SECONDS = 30;

/** Seconds of the outage, trials at a time, and seconds that all of them may take. */
const OUTAGES = [
  [1, 4, 60],
  [6, 4, 80],
  [20, 5, 125],
  [60, 10, 150],
] as const;

export const redisOutages: readonly Experiment[] = OUTAGES.map(([seconds, parallel, budget]) => ({
  name: `redis-outage-${seconds}`,
  rows: [
    {
      id: 'P5',
      promise: `A Redis outage of ${seconds} s heals without restarts`,
      fault: `Redis is stopped, killed or silent (SIGSTOP) for ${seconds} s; ${WORKERS} workers, ${BUSY} of them busy`,
      designN: 20,
      figure: 's until every worker had fetched again (<= 30)',
    },
  ],
  n: 20,
  shortN: 0,
  seconds: budget,
  parallel,
  run: (trial) => outage(trial, seconds),
}));

async function outage(trial: Trial, seconds: number) {
  const { random } = trial;
  const site = await trial.lend('site', () => Site.start({ workers: WORKERS, concurrency: 1 }));
  const pids = site.livingWorkers.map(({ pid }) => pid);
  const busy = await Promise.all(Array.from({ length: BUSY }, (_, i) => site.client.create(endless(i))));
  for (const { id } of busy) await site.until(id, 'job.running');
  const how = random.pick(['SIGTERM', 'SIGKILL', 'SIGSTOP'] as const);
  trial.note(`${how} for ${seconds} s`);
  if (how === 'SIGSTOP') {
    const { redis } = site;
    process.kill(redis!.pid, 'SIGSTOP');
    await sleep(1_000 * seconds);
    process.kill(redis!.pid, 'SIGCONT');
  } else {
    await site.redis!.stop(how);
    await sleep(1_000 * seconds);
    await site.startRedis();
  }
  const startedMs = performance.now();
  for (const { id } of busy) await site.client.cancel(id);
  const fetched = new Set<number>();
  while (fetched.size < WORKERS) {
    const seconds = (performance.now() - startedMs) / 1000;
    trial.assertWithin(AGAIN_SECONDS, seconds, `only ${[...fetched]} of the workers ${pids} fetched again`);
    const jobs = await Promise.all(
      Array.from({ length: WORKERS }, () => site.client.create(tinySpec(random))),
    );
    for (const { id } of jobs) {
      await site.eventually(`${id} does not start`, 1_000 * AGAIN_SECONDS, async () => {
        const attempt = (await site.client.job(id))?.attempts[0];
        if (attempt !== undefined) fetched.add(Number(attempt.worker.split('/').at(-1)));
        return attempt !== undefined;
      });
    }
  }
  const worst = (performance.now() - startedMs) / 1000;
  assertKept(
    site.livingWorkers.map(({ pid }) => pid).join() === pids.join(),
    'a worker had to be started again',
  );
  await reconcile(trial, site);
  return [{ n: 1, worst }];
}
