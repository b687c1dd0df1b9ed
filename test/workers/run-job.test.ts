import { expect, it } from 'vitest';
import { runJob } from '../../workers/run-job.ts';
import { created, openStore, startOf } from '../store/open-store.ts';
import { partsOf } from './worker-parts.ts';

/** Deliveries whose lock another worker holds by the time they arrive. */

const opened = openStore();
const { store, transitions, keys, redis } = opened;

const worker = () => partsOf(opened);

const lapsed = async () => false;

it('leaves a job alone that another worker has started', async () => {
  const id = await created(store);
  const start = startOf();
  await transitions.start(id, start);
  const before = await redis.hgetall(keys.job(id));
  await runJob({ id, delivery: 1, extendLock: lapsed }, await worker());
  expect(await redis.hgetall(keys.job(id))).toEqual(before);
  expect(before.token).toBe(start.token);
});

it('gives back a job that is still queued, since no other worker will receive it', async () => {
  const id = await created(store);
  const parts = await worker();
  await runJob({ id, delivery: 1, extendLock: lapsed }, parts);
  expect(await redis.hmget(keys.job(id), 'status', 'delivery', 'attempt', 'faults')).toEqual([
    'queued',
    '2',
    '0',
    '0',
  ]);
  expect(await parts.queue.has([`${id}-2`])).toEqual([true]);
});

it('gives jobs back without failing them while the worker takes no jobs', async () => {
  const id = await created(store);
  const parts = { ...(await worker()), takesJobs: () => false };
  await runJob({ id, delivery: 1, extendLock: async () => true }, parts);
  expect(await redis.hmget(keys.job(id), 'status', 'delivery', 'attempt', 'faults')).toEqual([
    'queued',
    '2',
    '0',
    '0',
  ]);
  expect(await parts.queue.has([`${id}-2`])).toEqual([true]);
});
