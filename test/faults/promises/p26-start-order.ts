import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, type Experiment, type Trial } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { tinySpec } from '../specs.ts';

const READY_SECONDS = 5;
const REFUSED_SECONDS = 2;
const LATE_MS = 60_000;

const experiment = (name: string, n: number, seconds: number, late: boolean): Experiment => ({
  name,
  rows: [
    {
      id: 'P26',
      promise: late ? 'Redis may come a minute late' : 'Any start order',
      fault: late
        ? 'Redis is started 60 s after API and worker'
        : 'API, worker and Redis in a random order, 0 to 2 s apart',
      designN: late ? 20 : 60,
      figure: 's from Redis to ready (<= 5)',
    },
  ],
  n,
  shortN: 0,
  seconds,
  parallel: late ? 10 : 2,
  run: (trial) => start(trial, late),
});

export const startOrder = experiment('start-order', 60, 140, false);
export const lateRedis = experiment('late-redis', 20, 140, true);

async function start(trial: Trial, late: boolean) {
  const { random } = trial;
  const site = await trial.lend('site', async () => Site.bare());
  const order = random.some(3, ['redis', 'api', 'worker'] as const);
  const gaps = order.map(() => random.between(0, 2_000));
  trial.note(`${order.join(', ')}; ${gaps.join(', ')} ms apart`);
  const starts = {
    redis: () => site.startRedis(),
    api: () => site.startApi(),
    worker: () => site.startWorker(),
  };
  const started: Promise<unknown>[] = [];
  let redisMs = 0;
  for (const [i, name] of order.entries()) {
    if (name === 'redis' && late) continue;
    started.push(
      starts[name]().then(() => {
        if (name === 'redis') redisMs = performance.now();
      }),
    );
    await sleep(gaps[i]);
  }
  if (late) {
    await Promise.all(started);
    await refused(site, trial);
    await sleep(LATE_MS);
    await refused(site, trial);
    await site.startRedis();
    redisMs = performance.now();
  }
  await Promise.all(started);
  const apiMs = performance.now();
  await site.ready();
  const worst = Math.max(0, performance.now() - Math.max(redisMs, late ? 0 : apiMs)) / 1000;
  trial.assertWithin(READY_SECONDS, worst, 'ready after Redis');
  await site.client.create(tinySpec(random));
  await reconcile(trial, site);
  assertKept(
    site.started.every(({ alive }) => alive),
    'a process ended by itself',
  );
  await trial.giveUp('site');
  return [{ n: 1, worst }];
}

/** Without Redis: 503, soon. */
async function refused(site: Site, trial: Trial): Promise<void> {
  const askedMs = performance.now();
  const answer = await site.client.ask('without Redis', '/jobs', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(tinySpec(trial.random)),
  });
  const seconds = (performance.now() - askedMs) / 1000;
  assertKept('status' in answer && answer.status === 503, `without Redis: ${JSON.stringify(answer)}`);
  trial.assertWithin(REFUSED_SECONDS, seconds, 'refused without Redis');
}
