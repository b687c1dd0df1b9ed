import { z } from 'zod';
import { DataShapeSchema } from '../contract/data-shape.ts';
import { ParentSchema } from '../contract/job.ts';
import { JobSpecSchema } from '../contract/job-spec.ts';
import { ModelFileFormatSchema, PreprocessingSchema, TensorLayoutSchema } from '../contract/model-export.ts';
import { FitSchema } from '../contract/prediction.ts';
import { ArtifactsLocationSchema } from '../store/artifacts.ts';
import { type JobFile, JobFileSchema } from '../store/job-record.ts';
import type { InputError } from './input-error.ts';

/** The tasks of a model thread, which parses what it receives. */

/** A job's model, and where its file is. */
const StoredModelSchema = z.strictObject({
  artifacts: ArtifactsLocationSchema,
  file: JobFileSchema,
  job: z.string(),
  spec: JobSpecSchema,
  data: DataShapeSchema,
  /** Of a fork. */
  parent: ParentSchema.optional(),
  /** Of the final model; empty while there is none. */
  weightsSha256: z.string(),
  /** Of the final model: that whose weights it has. */
  epoch: z.int().gte(1),
  version: z.string(),
});
export type StoredModel = z.output<typeof StoredModelSchema>;

/** Reads the checkpoint of a parent, and writes it as the one that its fork begins with. */
export const ForkTaskSchema = z.strictObject({
  parent: StoredModelSchema,
  child: z.strictObject({
    job: z.string(),
    spec: JobSpecSchema,
    parent: ParentSchema,
  }),
});
export type ForkTask = z.output<typeof ForkTaskSchema>;

/**
 * steps: of the parent up to there. missing = the file is missing or damaged, or of other rules; unwritten = that of the
 * new job could not be written.
 */
export type ForkOutcome =
  | { readonly outcome: 'forked'; readonly file: JobFile; readonly steps: number }
  | { readonly outcome: 'missing' | 'unwritten' };

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
  /**
   * What is asked of the model's file: `final` is that of the finished job; of a checkpoint, `so_far` is the model that a
   * job would have that ends there (with `restore_best_weights`, that of its best epoch), and `epoch` has the weights of
   * that epoch itself.
   */
  kind: z.enum(['final', 'so_far', 'epoch']),
  /** The job's model, if it has one: it says how a table was read whose dataset may be deleted. */
  finalFile: JobFileSchema.optional(),
  /** The body and its media type. */
  bytes: z.instanceof(Uint8Array),
  type: z.string(),
  fit: FitSchema,
  /** Where the descriptions of uploaded tables are, for checkpoints. */
  dataDir: z.string().min(1),
});
export type PredictTask = z.output<typeof PredictTaskSchema>;

/**
 * JSON of a `PredictionList`; refused = what was sent cannot be given to the model; missing = the file is missing or
 * damaged, or a checkpoint of other rules; no_dataset = nothing says any more how the table was read.
 */
export type PredictOutcome =
  | { readonly outcome: 'predicted'; readonly json: string }
  | { readonly outcome: 'refused'; readonly code: InputError['code']; readonly message: string }
  | { readonly outcome: 'missing' | 'no_dataset' };

export const RowsTaskSchema = z.strictObject({
  model: StoredModelSchema,
  /** Where the prepared datasets are. */
  dataDir: z.string().min(1),
  /** Whether to draw the images. */
  images: z.boolean(),
  /** Classes; undefined = all. */
  actual: z.int().gte(0).optional(),
  predicted: z.int().gte(0).optional(),
  /** The first row that counts, and how many are wanted. */
  from: z.int().gte(0),
  limit: z.int().gte(1),
});
export type RowsTask = z.output<typeof RowsTaskSchema>;

/** A test row and the classes that it has and was given, or the standardised numbers. */
export interface EvaluatedRow {
  readonly index: number;
  readonly actual: number;
  readonly predicted: number;
}

/** total: on all pages. png: of the rows, if there is one and images were wanted. */
export type RowsOutcome =
  | {
      readonly outcome: 'found';
      readonly rows: readonly EvaluatedRow[];
      readonly total: number;
      readonly hasMore: boolean;
      readonly png: Uint8Array | undefined;
    }
  /** The file is missing or damaged; it is from before predictions were kept; the dataset is gone. */
  | { readonly outcome: 'missing' | 'not_kept' | 'no_dataset' };

export const ImageTaskSchema = z.strictObject({
  data: DataShapeSchema,
  /** Where the prepared datasets are. */
  dataDir: z.string().min(1),
  split: z.enum(['train', 'test']),
  /** From 0, in file order. */
  index: z.int().gte(0),
});
export type ImageTask = z.output<typeof ImageTaskSchema>;

export const DatasetRowsTaskSchema = ImageTaskSchema.omit({ index: true }).extend({
  /** The first row, and how many are wanted. */
  from: z.int().gte(0),
  limit: z.int().gte(1),
});
export type DatasetRowsTask = z.output<typeof DatasetRowsTaskSchema>;
