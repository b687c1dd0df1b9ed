import { z } from 'zod';
import { DataShapeSchema } from '../contract/data-shape.ts';
import { JobSpecSchema } from '../contract/job-spec.ts';
import { ModelFileFormatSchema, PreprocessingSchema, TensorLayoutSchema } from '../contract/model-export.ts';
import { FitSchema } from '../contract/prediction.ts';
import { ArtifactsLocationSchema } from '../store/artifacts.ts';
import { JobFileSchema } from '../store/job-record.ts';
import type { InputError } from './input-error.ts';

/** The tasks of a model thread, which parses what it receives. */

/** A finished job's model, and where its file is. */
const StoredModelSchema = z.strictObject({
  artifacts: ArtifactsLocationSchema,
  file: JobFileSchema,
  job: z.string(),
  spec: JobSpecSchema,
  data: DataShapeSchema,
  weightsSha256: z.string(),
  version: z.string(),
});
export type StoredModel = z.output<typeof StoredModelSchema>;

export const ExportTaskSchema = z.strictObject({
  model: StoredModelSchema,
  format: ModelFileFormatSchema,
  layout: TensorLayoutSchema,
  preprocessing: PreprocessingSchema,
});
export type ExportTask = z.output<typeof ExportTaskSchema>;

export interface ExportedFile {
  readonly content: Uint8Array;
  /** Of the content. */
  readonly sha256: string;
}

export const PredictTaskSchema = z.strictObject({
  model: StoredModelSchema,
  /** The body and its media type. */
  bytes: z.instanceof(Uint8Array),
  type: z.string(),
  fit: FitSchema,
});
export type PredictTask = z.output<typeof PredictTaskSchema>;

/** JSON of a `PredictionList`; refused = what was sent cannot be given to the model. */
export type PredictOutcome =
  | { readonly outcome: 'predicted'; readonly json: string }
  | { readonly outcome: 'refused'; readonly code: InputError['code']; readonly message: string }
  | { readonly outcome: 'missing' };
