import type { components, operations } from './api-types.ts';

/** The API's own types, by their names in the OpenAPI document. The build generates api-types.ts from it. */

type Schemas = components['schemas'];

export type Job = Schemas['Job'];
export type JobSpec = Schemas['JobSpec'];
export type Checkpoint = Schemas['Checkpoint'];
export type CheckpointList = Schemas['CheckpointList'];
export type Webhook = Schemas['Webhook'];
export type Delivery = Schemas['Delivery'];
export type DeliveryList = Schemas['DeliveryList'];
export type Overrides = Schemas['Overrides'];
export type JobPatch = Schemas['JobPatch'];
export type JobStatus = Schemas['JobStatus'];
export type JobEvent = Schemas['JobEvent'];
export type JobEventList = Schemas['JobEventList'];
export type JobList = Schemas['JobList'];
export type MetricsList = Schemas['MetricsList'];
export type MetricsRow = Schemas['MetricsRow'];
export type StepList = Schemas['StepList'];
export type StepRow = Schemas['StepRow'];
export type Doctor = Schemas['Doctor'];
export type Verdict = Schemas['Verdict'];
export type Evaluation = Schemas['Evaluation'];
export type ClassEvaluation = Schemas['ClassEvaluation'];
export type ModelFormat = Schemas['ModelFormat'];
export type PredictRequest = Schemas['PredictRequest'];
export type PredictionList = Schemas['PredictionList'];
export type ClassPredictions = Schemas['ClassPredictions'];
export type Comparison = Schemas['Comparison'];
export type Problem = Schemas['Problem'];
export type Dataset = Schemas['Dataset'];
export type DatasetDetail = Schemas['DatasetDetail'];
export type DatasetRows = Schemas['DatasetRows'];
export type Engine = Schemas['Engine'];
export type Worker = Schemas['WorkerReport'];
export type Readiness = Schemas['Readiness'];
export type Caller = Schemas['Caller'];
export type Me = Schemas['Me'];
export type JobPlan = Schemas['JobPlan'];
export type EvaluationRows = Schemas['EvaluationRows'];

/** Format, layout and preprocessing of a model. */
export type ModelOptions = NonNullable<operations['getModel']['parameters']['query']>;

/** What to find, and in which order. Several filters must all be met. */
export type FindOptions = Omit<
  NonNullable<operations['listJobs']['parameters']['query']>,
  'limit' | 'after' | 'format'
>;

/** What an uploaded file is, and how to read it. */
export type UploadOptions = NonNullable<operations['putDataset']['parameters']['query']>;

/** Which rows of a dataset. */
export type DatasetRowsOptions = NonNullable<operations['listDatasetRows']['parameters']['query']>;

/** Which cell of the confusion matrix, and how many rows. */
export type EvaluationRowsOptions = NonNullable<operations['listEvaluationRows']['parameters']['query']>;

/** How a picture is fitted to the model's input. */
export type PredictOptions = NonNullable<operations['predict']['parameters']['query']>;

/** Shape and metric of a comparison as CSV. */
export type CompareCsvOptions = Omit<
  NonNullable<operations['compareJobs']['parameters']['query']>,
  'jobs' | 'format'
>;

/**
 * The server lost its latest events, some of which may have been yielded already: forget all of this job. Its events
 * follow again, from seq 1.
 */
export interface ResetEvent {
  seq: 0;
  type: 'reset';
  data: { last_seq: number };
}

/** An event of one of many jobs. */
export interface FeedEvent {
  /** For `after`. */
  id: string;
  type: 'event';
  job: string;
  event: JobEvent;
}

/** The first of a stream from now on: every event from here on follows, so what you read next misses nothing. */
export interface FeedStart {
  id: string;
  type: 'start';
}

/** The server has forgotten or lost events after the last one: read the jobs again. */
export interface FeedReset {
  id: string;
  type: 'reset';
}
