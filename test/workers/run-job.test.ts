import { expect, it, onTestFinished } from 'vitest';
import { TrainingQueue } from '../../src/queue/training-queue.ts';
import { FolderArtifacts } from '../../src/store/folder-artifacts.ts';
import { newCounters } from '../../workers/counters.ts';
import { Runs } from '../../workers/run.ts';
import { runJob } from '../../workers/run-job.ts';
import { TrainerPool } from '../../workers/trainer-process.ts';
import type { WorkerParts } from '../../workers/worker-parts.ts';
import { created, openStore, startOf } from '../store/open-store.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

/** Deliveries whose lock another worker holds by the time they arrive. */

const { store, transitions, keys, redis } = openStore();
const log = { info() {}, warn() {}, error() {} };

async function worker(): Promise<WorkerParts & { queue: TrainingQueue }> {
  const folder = await makeTemporaryFolder();
  const queue = new TrainingQueue(redis, keys, log);
  onTestFinished(() => queue.close());
  return {
    id: 'host-b/2',
    store,
    transitions,
    queue,
    artifacts: FolderArtifacts.in(folder),
    dataDir: folder,
    storage: { look: async () => {} },
    trainers: new TrainerPool(log),
    runs: new Runs(),
    counters: newCounters(),
    leaseMs: 15_000,
    log,
    engineFor: () => ({ name: 'reference', available: true, version: null, backend: null, reason: null }),
    onUnable: () => {},
    takesJobs: () => true,
  };
}

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
