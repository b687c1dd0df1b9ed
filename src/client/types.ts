import type { components, operations } from './api-types.ts';

/** The API's own types, by their names in the OpenAPI document. The build generates api-types.ts from it. */

type Schemas = components['schemas'];

export type Job = Schemas['Job'];
export type JobSpec = Schemas['JobSpec'];
export type JobStatus = Schemas['JobStatus'];
export type JobEvent = Schemas['JobEvent'];
export type JobList = Schemas['JobList'];
export type MetricsList = Schemas['MetricsList'];
export type MetricsRow = Schemas['MetricsRow'];
export type Evaluation = Schemas['Evaluation'];
export type ModelFormat = Schemas['ModelFormat'];
export type PredictRequest = Schemas['PredictRequest'];
export type PredictionList = Schemas['PredictionList'];
export type Comparison = Schemas['Comparison'];
export type Problem = Schemas['Problem'];

/** Format, layout and preprocessing of a model. */
export type ModelOptions = NonNullable<operations['getModel']['parameters']['query']>;

/** What to find, and in which order. Several filters must all be met. */
export type FindOptions = Omit<
  NonNullable<operations['listJobs']['parameters']['query']>,
  'limit' | 'after' | 'format'
>;

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
