import { randomUUID } from 'node:crypto';
import { ulid } from 'ulid';
import { afterAll, inject } from 'vitest';
import type { DataShape } from '../../src/contract/data-shape.ts';
import { JobSchema } from '../../src/contract/job.ts';
import { JobSpecSchema } from '../../src/contract/job-spec.ts';
import type { EpochMetrics } from '../../src/contract/metrics.ts';
import { DATASETS } from '../../src/dataset/registry.ts';
import { parseRedisUrl } from '../../src/process/redis-address.ts';
import { connectForWorkers, type Redis } from '../../src/redis/connections.ts';
import type { NewDataset } from '../../src/store/datasets.ts';
import type { CachedResult, CreateOutcome, NewJob } from '../../src/store/job-creation.ts';
import { JobEvents } from '../../src/store/job-events.ts';
import { type Finish, JobTransitions, type Start } from '../../src/store/job-transitions.ts';
import { jobOf, type StoredJob } from '../../src/store/job-view.ts';
import { JobStore } from '../../src/store/jobs.ts';
import { buildKeys, type Keys } from '../../src/store/keys.ts';

/** A separate store on the tests' Redis, and helpers that move its jobs. */
export interface OpenStore {
  redis: Redis;
  keys: Keys;
  store: JobStore;
  transitions: JobTransitions;
  events: JobEvents;
  connect(): Redis;
}

/** Call it at the top of a test file; its keys are removed when the file is done. */
export function openStore(redisUrl: string = inject('redisUrl')): OpenStore {
  const connections: Redis[] = [];
  const connect = () => {
    const redis = connectForWorkers(parseRedisUrl(redisUrl), () => {});
    connections.push(redis);
    return redis;
  };
  const redis = connect();
  const keys = buildKeys(`test-${randomUUID()}`);
  afterAll(async () => {
    for (const key of await redis.keys(`${keys.root}*`)) await redis.del(key);
    for (const connection of connections) connection.disconnect();
  });
  return {
    redis,
    keys,
    connect,
    store: new JobStore(redis, keys),
    transitions: new JobTransitions(redis, keys),
    events: new JobEvents(redis, keys),
  };
}

export const newJobId = (): string => `job_${ulid()}`;

export const newJob = (changes: Partial<NewJob> = {}): NewJob => ({
  owner: 'local',
  id: newJobId(),
  spec: JobSpecSchema.parse({ name: 'a job', training: { epochs: 3 }, metadata: { made: 'by a test' } }),
  data: DATASETS.mnist.shape,
  isUpload: false,
  parameters: 109_386,
  progress: {
    epoch: 0,
    epochs: 3,
    step: 0,
    steps: 300,
    fraction: 0,
    eta_seconds: null,
    steps_per_second: null,
  },
  version: '0.0.0',
  accepting: true,
  maxQueued: 1_000_000,
  queuedQuota: undefined,
  storageQuota: undefined,
  runningQuota: 'none',
  ...changes,
});

const UPLOADED: DataShape = { ...DATASETS.moons.shape, dataset: 'mine', sha256: '5'.repeat(64) };

/** An uploaded dataset of the owner local, named mine. */
export const newDataset = (changes: Partial<NewDataset> = {}): NewDataset => ({
  owner: 'local',
  name: 'mine',
  stored: {
    shape: UPLOADED,
    options: { format: 'csv' },
    notes: [],
    source: { bytes: 10, sha256: '6'.repeat(64) },
  },
  bytes: 1_000,
  mostBytes: 1e9,
  quota: undefined,
  ...changes,
});

/** A job on it. */
export const onUpload = (changes: Partial<NewJob> = {}): NewJob =>
  newJob({ spec: JobSpecSchema.parse({ dataset: 'mine' }), data: UPLOADED, isUpload: true, ...changes });

export async function created(store: JobStore, changes: Partial<NewJob> = {}): Promise<string> {
  const job = newJob(changes);
  const outcome: CreateOutcome = await store.create(job);
  if (outcome.outcome !== 'created') throw new Error(`not created: ${outcome.outcome}`);
  return job.id;
}

const StoredJobSchema = JobSchema.omit({ links: true });

/** An existing job as the API shows it, except its links. */
export async function jobIn(store: JobStore, owner: string, id: string): Promise<StoredJob> {
  const view = await store.get(owner, id);
  if (view === undefined) throw new Error(`there is no job ${id} of ${owner}`);
  return StoredJobSchema.parse(jobOf(view));
}

export const startOf = (changes: Partial<Start> = {}): Start => ({
  delivery: 1,
  token: randomUUID(),
  worker: 'host-a/1',
  engine: 'reference',
  read: { attempt: 0, checkpointEpoch: 0 },
  fromEpoch: 0,
  lostReason: 'its worker was lost',
  lostError: { code: 'worker_lost', message: 'lost three times', retryable: true },
  ...changes,
});

export const metricsOf = (epoch: number): EpochMetrics => ({
  epoch,
  step: 100 * epoch,
  loss: 1 / epoch,
  accuracy: 0.5,
  val_loss: null,
  val_accuracy: null,
  mae: null,
  val_mae: null,
  learning_rate: 0.001,
  duration_seconds: 0.1,
  steps_per_second: 1000,
});

export const epochReport = (epoch: number) => ({
  metrics: metricsOf(epoch),
  progress: {
    epoch,
    epochs: 3,
    step: 100 * epoch,
    steps: 300,
    fraction: epoch / 3,
    eta_seconds: 1,
    steps_per_second: 1000,
  },
  checkpoints: undefined,
});

/** The success of a job with this last epoch. */
export const successOf = (epoch: number): Extract<Finish, { status: 'succeeded' }> => ({
  status: 'succeeded',
  epoch,
  result: {
    test: { loss: 0.1, accuracy: 0.97, mae: null },
    train: { loss: 0.05, accuracy: 0.99, mae: null },
    validation: null,
    training_seconds: 0.3,
    weights_sha256: 'a'.repeat(64),
    metrics_sha256: 'b'.repeat(64),
  },
  evaluation: { name: '1-evaluation.json', sha256: 'c'.repeat(64) },
  model: { name: '1-model.bin', sha256: 'd'.repeat(64) },
  log: { name: '1-1.log', sha256: 'e'.repeat(64) },
  resultKey: '2.of-a-test',
});

/** A job that succeeded, as a result for another. */
export async function resultOf(
  { store, events }: Pick<OpenStore, 'store' | 'events'>,
  id: string,
): Promise<CachedResult> {
  const record = (await store.record(id)) as CachedResult['record'];
  const rows = await events.read(id, { after: 0, limit: 1000 });
  const past = rows
    .filter(({ type }) => type === 'job.epoch' || type === 'job.verdict')
    .map(({ type, data }) => `${type} ${data}`);
  return { from: id, key: record.result_key!, record, past };
}

/** The success of a job without a recorded epoch. */
export const SUCCESS = successOf(0);

export const FAILURE: Finish = {
  status: 'failed',
  error: { code: 'diverged', message: 'the loss is not finite', retryable: false },
};
