import type { CheckpointList } from '../../contract/checkpoints.ts';
import type { Comparison } from '../../contract/comparison.ts';
import type { DatasetDetail, DatasetRows } from '../../contract/dataset.ts';
import type { Delivery, DeliveryList } from '../../contract/delivery.ts';
import { type Doctor, RATE_BORDERS } from '../../contract/doctor.ts';
import type { Evaluation } from '../../contract/evaluation.ts';
import type { EvaluationRows } from '../../contract/evaluation-rows.ts';
import type { Job } from '../../contract/job.ts';
import type { JobEvent } from '../../contract/job-event.ts';
import type { JobPlan } from '../../contract/job-plan.ts';
import { JobSpecSchema } from '../../contract/job-spec.ts';
import type { MetricsRow } from '../../contract/metrics-list.ts';
import type { StepRow } from '../../contract/step-row.ts';
import type { Example } from './route-documentation.ts';

/** Examples for the OpenAPI document, typed by the schemas they illustrate. A test validates each of them. */

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

const ID = 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2W';
const CREATED = '2026-11-22T10:00:00.000Z';
const STARTED = '2026-11-22T10:00:00.412Z';
const FINISHED = '2026-11-22T10:00:06.912Z';

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

export const METRICS_ROW: MetricsRow = {
  epoch: 1,
  step: 1500,
  loss: 0.2671,
  accuracy: 0.9217,
  val_loss: 0.1423,
  val_accuracy: 0.9579,
  mae: null,
  val_mae: null,
  learning_rate: 0.001,
  duration_seconds: 0.61,
  steps_per_second: 2450,
  seq: 3,
  created_at: '2026-11-22T10:00:01.022Z',
};

/** Of a job that predicts a number. */
export const NUMBER_METRICS_ROW: MetricsRow = {
  ...METRICS_ROW,
  accuracy: null,
  val_accuracy: null,
  mae: 3.412,
  val_mae: 3.377,
};

export const STEP_ROW: StepRow = {
  epoch: 1,
  step: 30,
  loss: 0.9312,
  accuracy: 0.75,
  mae: null,
  gradient_norm: 1.274,
};

const layer = (units: number, gradient_norm: number, update_ratio: number, dead_units: number | null) => ({
  units,
  gradient_norm,
  update_ratio,
  dead_units,
});

export const DOCTOR: Doctor = {
  object: 'doctor',
  status: 'running',
  terminal: false,
  rate_borders: [...RATE_BORDERS],
  epochs: [
    {
      epoch: 6,
      layers: [layer(128, 0.41, -2.9, 3), layer(64, 0.52, -2.7, 0), layer(10, 0.38, -2.4, null)],
    },
  ],
  effective_rates: null,
  verdicts: [
    {
      rule: 'overfitting',
      epoch: 6,
      layer: null,
      detail:
        'Since epoch 4 the loss falls and val_loss does not: the model learns its train rows by heart. Use early_stopping, dropout, l2 or more data.',
      figures: { since_epoch: 4, lowest_val_loss: 0.0981, val_loss: 0.1042 },
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

export const DELIVERY: Delivery = {
  object: 'delivery',
  id: `msg_${ID.slice('job_'.length)}_1_${Date.parse(FINISHED)}`,
  event: 'job.succeeded',
  url: 'https://example.org/hooks/descent',
  state: 'pending',
  created_at: FINISHED,
  attempts: [{ at: FINISHED, status: 503, error: 'it answered 503', duration_seconds: 0.041 }],
  next_attempt_at: '2026-11-22T10:00:12.301Z',
  links: {
    redeliver: `/jobs/${ID}/deliveries/msg_${ID.slice('job_'.length)}_1_${Date.parse(FINISHED)}/redeliver`,
  },
};

export const DELIVERY_LIST: DeliveryList = {
  object: 'list',
  webhooks: [
    { url: 'https://example.org/hooks/descent', events: ['job.succeeded', 'job.failed', 'job.cancelled'] },
  ],
  data: [
    {
      ...DELIVERY,
      state: 'delivered',
      attempts: [
        ...DELIVERY.attempts,
        { at: '2026-11-22T10:00:12.320Z', status: 204, error: null, duration_seconds: 0.038 },
      ],
      next_attempt_at: null,
    },
  ],
  has_more: false,
};

const { seq: _seq, created_at: EPOCH_CREATED, ...EPOCH } = METRICS_ROW;

export const EVENTS: JobEvent[] = [
  { seq: 1, type: 'job.queued', created_at: CREATED, data: { reason: 'created' } },
  {
    seq: 2,
    type: 'job.running',
    created_at: STARTED,
    data: { attempt: 1, worker: 'host-a/4711', engine: 'reference', from_epoch: 0 },
  },
  { seq: 3, type: 'job.epoch', created_at: EPOCH_CREATED, data: EPOCH },
];

export const EVENT_STREAM = `retry: 2000

${EVENTS.map((event) => `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n`).join('\n')}
`;

const FEED = EVENTS.map((event, i) => ({ id: `176440000100${i}-0`, job: QUEUED_JOB.id, event }));

export const FEED_LIST = {
  object: 'list',
  data: FEED,
  has_more: false,
  last_id: FEED.at(-1)!.id,
  reset: false,
} as const;

export const FEED_STREAM = `retry: 2000

id: 1764400000000-0

${FEED.map((each) => `id: ${each.id}\nevent: ${each.event.type}\ndata: ${JSON.stringify(each)}\n`).join('\n')}
`;

export const EVALUATION: Evaluation = {
  object: 'evaluation',
  task: 'classification',
  rows: 4,
  loss: 0.35,
  accuracy: 0.75,
  confusion_matrix: [
    [2, 0],
    [1, 1],
  ],
  classes: [
    { label: '0', precision: 0.6667, recall: 1, f1: 0.8, support: 2 },
    { label: '1', precision: 1, recall: 0.5, f1: 0.6667, support: 2 },
  ],
  worst_mistakes: [{ index: 2, label: '1', predicted: '0', probability: 0.71, loss: 1.24 }],
};

/** Residuals are as those of two bins, to be short. */
export const NUMBER_EVALUATION: Evaluation = {
  object: 'evaluation',
  task: 'regression',
  rows: 4,
  loss: 0.0312,
  mae: 1.25,
  rmse: 1.6583,
  r2: 0.9688,
  residuals: { edges: [-1, 1, 3], counts: [3, 1] },
  worst_rows: [{ index: 2, actual: 24, predicted: 21, loss: 0.1022 }],
};

const NINES = `/jobs/${ID}/evaluation/rows`;

export const EVALUATION_ROWS: EvaluationRows = {
  object: 'list',
  data: [
    { index: 115, actual: '4', predicted: '9' },
    { index: 247, actual: '4', predicted: '9' },
  ],
  total: 2,
  next: null,
  links: {
    self: `${NINES}?actual=4&predicted=9`,
    images: `${NINES}.png?actual=4&predicted=9`,
  },
};

const OTHER_ID = 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2X';

export const COMPARISON: Comparison = {
  object: 'comparison',
  jobs: [
    {
      id: ID,
      name: 'rmsprop',
      status: 'succeeded',
      test_loss: 0.11,
      test_accuracy: 0.97,
      test_mae: null,
      duration_seconds: 6.5,
    },
    {
      id: OTHER_ID,
      name: 'sgd',
      status: 'running',
      test_loss: null,
      test_accuracy: null,
      test_mae: null,
      duration_seconds: null,
    },
  ],
  different: { 'optimizer.type': ['rmsprop', 'sgd'], 'optimizer.rho': [0.9, null] },
  same: { dataset: 'mnist', 'training.epochs': 10 },
  epochs: [1],
  curves: {
    loss: [[0.2671, 0.9312]],
    accuracy: [[0.9217, 0.7511]],
    val_loss: [[0.1423, 0.4671]],
    val_accuracy: [[0.9579, 0.8802]],
    mae: [[null, null]],
    val_mae: [[null, null]],
  },
  order: {
    test_accuracy: [ID],
    test_loss: [ID],
    test_mae: [],
    val_loss: [ID, OTHER_ID],
    duration_seconds: [ID],
  },
};

export const IRIS_DETAIL: DatasetDetail = {
  object: 'dataset',
  name: 'iris',
  built_in: false,
  title: 'iris',
  description: '150 rows of 2 inputs, in 3 classes, uploaded as csv.',
  train_rows: 120,
  test_rows: 30,
  kind: 'table',
  task: 'classification',
  inputs: 2,
  image: null,
  classes: ['setosa', 'versicolor', 'virginica'],
  target: null,
  sha256: '5b7c0d31c5a3f0a1f9b3f0d7d2a9d8d39c5b0f1f4f8d3f4c5a6b7c8d9e0f1a2b',
  bytes: 2_046,
  created_at: '2026-11-24T09:30:00.000Z',
  files: [],
  problem: null,
  source: { bytes: 2_776, sha256: '0c1d2e3f405162738495a6b7c8d9eafb0c1d2e3f405162738495a6b7c8d9eafb' },
  options: {
    format: 'csv',
    header: true,
    delimiter: 'comma',
    decimal: 'point',
    target: 'species',
    task: 'classification',
    scale: 'standard',
    drop: [],
    test_split: 0.2,
    split_column: null,
  },
  notes: ['Missing numbers became the mean of the train rows: width (1).'],
  columns: [
    {
      name: 'length',
      type: 'number',
      missing: 0,
      mean: 5.84,
      deviation: 0.83,
      min: 4.3,
      max: 7.9,
      offset: 5.84,
      divisor: 0.83,
    },
    {
      name: 'width',
      type: 'number',
      missing: 1,
      mean: 3.05,
      deviation: 0.43,
      min: 2,
      max: 4.4,
      offset: 3.05,
      divisor: 0.43,
    },
  ],
  target_column: { name: 'species', type: 'class' },
  class_counts: { train: [40, 40, 40], test: [10, 10, 10] },
};

export const IRIS_ROWS: DatasetRows = {
  object: 'list',
  split: 'test',
  data: [{ index: 0, target: 'setosa', values: [5.1, 3.5] }],
  has_more: true,
};
