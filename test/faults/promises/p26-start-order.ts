import { setTimeout as sleep } from 'node:timers/promises';
import { assertKept, type Experiment, type Trial } from '../experiment.ts';
import { reconcile } from '../reconcile.ts';
import { Site } from '../site.ts';
import { tinySpec } from '../specs.ts';

const READY_SECONDS = 5;
const REFUSED_SECONDS = 2;
const LATE_MS = 60_000;
const MOST_GAP_MS = 2_000;
const FIGURE = `s from Redis to ready (<= ${READY_SECONDS})`;

type Part = 'redis' | 'api' | 'worker';

const ORDERS: readonly Part[][] = [
  ['redis', 'api', 'worker'],
  ['redis', 'worker', 'api'],
  ['api', 'redis', 'worker'],
  ['api', 'worker', 'redis'],
  ['worker', 'redis', 'api'],
  ['worker', 'api', 'redis'],
];

export const startOrder: Experiment = {
  name: 'start-order',
  rows: [
    {
      id: 'P26',
      promise: 'Any start order',
      fault: `API, worker and Redis in each of their ${ORDERS.length} orders in turn, 0 to ${MOST_GAP_MS / 1000} s apart`,
      designN: 60,
      figure: FIGURE,
    },
  ],
  n: 60,
  shortN: 0,
  seconds: 110,
  parallel: 2,
  run: async (trial) => {
    const site = await trial.lend('site', async () => Site.bare());
    const order = ORDERS[(trial.number - 1) % ORDERS.length];
    const [ready, began] = await Promise.all([nowAfter(site.ready()), startApart(trial, site, order)]);
    return await proved(trial, site, ready - Math.max(began.redis!, began.api!));
  },
};

export const lateRedis: Experiment = {
  name: 'late-redis',
  rows: [
    {
      id: 'P26',
      promise: 'Redis may start a minute late',
      fault: `Redis is started ${LATE_MS / 1000} s after API and worker`,
      designN: 20,
      figure: FIGURE,
    },
  ],
  n: 20,
  shortN: 0,
  seconds: 160,
  parallel: 10,
  run: async (trial) => {
    const site = await trial.lend('site', async () => Site.bare());
    await startApart(trial, site, trial.random.some(2, ['api', 'worker']));
    await refused(trial, site);
    await sleep(LATE_MS);
    await refused(trial, site);
    const redis = await nowAfter(site.startRedis());
    return await proved(trial, site, (await nowAfter(site.ready())) - redis);
  },
};

/** The time at which `done` resolved, in ms of our monotonic clock. */
const nowAfter = (done: Promise<unknown>): Promise<number> => done.then(() => performance.now());

/** Starts the parts in this order, each some time after the previous one, without waiting for it to be ready. */
async function startApart(trial: Trial, site: Site, order: Part[]): Promise<Partial<Record<Part, number>>> {
  const start = {
    redis: () => site.startRedis(),
    api: () => site.startApi(),
    worker: () => site.startWorker(),
  };
  let afterMs = 0;
  const parts = order.map((part, i) => {
    if (i > 0) afterMs += trial.random.between(0, MOST_GAP_MS);
    return { part, afterMs };
  });
  trial.note(parts.map((begun) => `${begun.part} after ${begun.afterMs} ms`).join(', '));
  const began = parts.map(async (begun) => {
    await sleep(begun.afterMs);
    return [begun.part, await nowAfter(start[begun.part]())] as const;
  });
  return Object.fromEntries(await Promise.all(began));
}

/** Checks that the installation was ready in time, trains a job, and that no process ended. */
async function proved(trial: Trial, site: Site, readyAfterMs: number) {
  const worst = readyAfterMs / 1000;
  trial.assertWithin(READY_SECONDS, worst, 'ready after Redis');
  await site.client.create(tinySpec(trial.random));
  await reconcile(trial, site);
  await trial.giveUp('site');
  return [{ n: 1, worst: Math.max(0, worst) }];
}

/** Checks that a request without Redis gets 503 in time. */
async function refused(trial: Trial, site: Site): Promise<void> {
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
