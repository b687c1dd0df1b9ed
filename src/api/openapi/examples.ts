import type { CheckpointList } from '../../contract/checkpoints.ts';
import type { Job } from '../../contract/job.ts';
import type { JobPlan } from '../../contract/job-plan.ts';
import { JobSpecSchema } from '../../contract/job-spec.ts';
import type { Example } from './route-documentation.ts';

/**
 * Examples for the OpenAPI document, typed by the schemas they illustrate; a test validates each of them. Here those of specs
 * and jobs.
 */

export const EXAMPLE_SPECS: Record<string, Example> = {
  reference: { summary: 'The reference run', value: {} },
  sample: {
    summary: 'A quick try: the small dataset, three epochs',
    value: { name: 'quick look', dataset: 'mnist_sample', training: { epochs: 3 } },
  },
  regression: {
    summary: 'A number to predict',
    value: {
      dataset: 'sine',
      model: { hidden_units: [64, 32] },
      optimizer: { type: 'adam', learning_rate: 0.003 },
      loss: 'mse',
      training: { epochs: 60, batch_size: 64 },
    },
  },
  webhook: {
    summary: 'With a webhook that is told how it ends',
    value: { dataset: 'mnist_sample', webhooks: [{ url: 'https://example.org/hooks/descent' }] },
  },
  adagrad: {
    summary: 'The reference run with another optimizer',
    value: { name: 'rmsprop against adagrad', optimizer: { type: 'adagrad' }, metadata: { series: 'a' } },
  },
};

export const ID = 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2W';

export const CREATED = '2026-11-22T10:00:00.000Z';

export const STARTED = '2026-11-22T10:00:00.412Z';

export const FINISHED = '2026-11-22T10:00:06.912Z';

const linksOf = (id: string): Job['links'] => ({
  self: `/jobs/${id}`,
  metrics: `/jobs/${id}/metrics`,
  events: `/jobs/${id}/events`,
  evaluation: `/jobs/${id}/evaluation`,
  model: `/jobs/${id}/model`,
  loss_chart: `/jobs/${id}/charts/loss.svg`,
  accuracy_chart: `/jobs/${id}/charts/accuracy.svg`,
  mae_chart: `/jobs/${id}/charts/mae.svg`,
  confusion_chart: `/jobs/${id}/charts/confusion.svg`,
  residual_chart: `/jobs/${id}/charts/residuals.svg`,
  cancel: `/jobs/${id}/cancel`,
});

const HASHES = {
  weights_sha256: 'cc63486eb46b7d6f358a8ca7421c25a18d768fcaf29682c684c112c32cad6d41',
  metrics_sha256: 'a4c9438a9fa386a49c81450b4b24e26307c86a5bc4a7b52251eb7d212ea6149f',
};

export const QUEUED_JOB: Job = {
  id: ID,
  object: 'job',
  owner: 'alice',
  status: 'queued',
  terminal: false,
  version: '0.1.0',
  created_at: CREATED,
  started_at: null,
  finished_at: null,
  spec: { ...JobSpecSchema.parse({}), loss: 'categorical_crossentropy' },
  engine: null,
  parameters: 109_386,
  estimated_seconds: 6.32,
  queue_position: 1,
  progress: {
    epoch: 0,
    epochs: 10,
    step: 0,
    steps: 15_000,
    fraction: 0,
    eta_seconds: null,
    steps_per_second: null,
  },
  latest: null,
  result: null,
  error: null,
  attempts: [],
  parent: null,
  cached: false,
  cached_from: null,
  verifies: null,
  verification: null,
  links: linksOf(ID),
};

export const JOB_PLAN: JobPlan = {
  object: 'job_plan',
  spec: QUEUED_JOB.spec,
  parameters: QUEUED_JOB.parameters,
  steps: QUEUED_JOB.progress.steps,
  memory_bytes: 232_000_000,
  model_bytes: 875_088,
  engine: 'native',
  estimated_seconds: 2.04,
  measured_jobs: 37,
  cached_from: null,
  queue_position: 3,
  starts_in_seconds: 4.6,
  unknown: {},
};

/** On an installation that has not finished a job. */
export const COLD_PLAN: JobPlan = {
  ...JOB_PLAN,
  estimated_seconds: null,
  measured_jobs: 0,
  queue_position: 1,
  starts_in_seconds: 0,
  unknown: {
    estimated_seconds: 'No job on the engine native has finished here yet, so its speed is not known.',
  },
};

const LAST = {
  loss: 0.0214,
  accuracy: 0.9933,
  val_loss: 0.1398,
  val_accuracy: 0.9758,
  mae: null,
  val_mae: null,
};

export const SUCCEEDED_JOB: Job = {
  ...QUEUED_JOB,
  status: 'succeeded',
  terminal: true,
  started_at: STARTED,
  finished_at: FINISHED,
  engine: 'reference',
  queue_position: null,
  progress: {
    epoch: 10,
    epochs: 10,
    step: 15_000,
    steps: 15_000,
    fraction: 1,
    eta_seconds: 0,
    steps_per_second: 2450,
  },
  latest: { epoch: 10, ...LAST },
  result: {
    test: { loss: 0.1193, accuracy: 0.9765, mae: null },
    train: { loss: LAST.loss, accuracy: LAST.accuracy, mae: null },
    validation: { loss: LAST.val_loss, accuracy: LAST.val_accuracy, mae: null },
    duration_seconds: 6.5,
    training_seconds: 6.1,
    ...HASHES,
  },
  attempts: [
    {
      attempt: 1,
      worker: 'host-a/4711',
      from_epoch: 0,
      started_at: STARTED,
      ended_at: FINISHED,
      outcome: 'succeeded',
      reason: null,
    },
  ],
};

/** It ended at once, with the result of another. */
export const CACHED_JOB: Job = {
  ...SUCCEEDED_JOB,
  id: 'job_01KAXW9D6F1G2H3J4K5M6N7P8Q',
  created_at: '2026-11-22T10:03:00.000Z',
  started_at: null,
  finished_at: '2026-11-22T10:03:00.000Z',
  estimated_seconds: null,
  attempts: [],
  cached: true,
  cached_from: ID,
  links: linksOf('job_01KAXW9D6F1G2H3J4K5M6N7P8Q'),
};

/** It trains another again. */
export const VERIFYING_JOB: Job = {
  ...QUEUED_JOB,
  id: 'job_01KAXW9D6F1G2H3J4K5M6N7P8Q',
  created_at: '2026-11-22T10:03:00.000Z',
  spec: { ...QUEUED_JOB.spec, cache: false },
  verifies: { job: ID, ...HASHES },
  links: linksOf('job_01KAXW9D6F1G2H3J4K5M6N7P8Q'),
};

/** It ended, and says what came out. */
export const VERIFIED_JOB: Job = {
  ...SUCCEEDED_JOB,
  ...(({ id, spec, verifies, links }) => ({ id, spec, verifies, links }))(VERIFYING_JOB),
  created_at: '2026-11-22T09:59:59.000Z',
  verification: { verdict: 'verified', job: ID, by: VERIFYING_JOB.id, expected: HASHES, found: HASHES },
};

/** It ran on a worker, which has stopped after the third epoch. */
export const PAUSED_JOB: Job = {
  ...QUEUED_JOB,
  status: 'paused',
  started_at: STARTED,
  engine: 'reference',
  queue_position: null,
  progress: {
    epoch: 3,
    epochs: 10,
    step: 4500,
    steps: 15_000,
    fraction: 0.3,
    eta_seconds: 4.29,
    steps_per_second: 2450,
  },
  latest: { epoch: 3, loss: 0.0874, accuracy: 0.9736, val_loss: 0.1002, val_accuracy: 0.9703 },
  attempts: [
    {
      attempt: 1,
      worker: 'host-a/4711',
      from_epoch: 0,
      started_at: STARTED,
      ended_at: '2026-11-22T10:00:02.255Z',
      outcome: 'paused',
      reason: null,
    },
  ],
};

export const FORKED_JOB: Job = {
  ...QUEUED_JOB,
  spec: JobSpecSchema.parse({ training: { epochs: 20 } }),
  progress: { ...QUEUED_JOB.progress, epochs: 20, steps: 30_000 },
  parent: {
    job: 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2X',
    epoch: 10,
    checkpoint_sha256: '3f0c9a7f5d4f0f8c3f2f4be4d19b3f1a7c3c3f4d6a0f2b9a1d5e8c7b6a594837',
    optimizer_state: 'kept',
  },
};

export const CHECKPOINT_LIST: CheckpointList = {
  object: 'list',
  data: [
    {
      object: 'checkpoint',
      epoch: 10,
      sha256: '3f0c9a7f5d4f0f8c3f2f4be4d19b3f1a7c3c3f4d6a0f2b9a1d5e8c7b6a594837',
      bytes: 877_652,
      links: { self: `/jobs/${ID}/checkpoints/10` },
    },
  ],
  has_more: false,
};
