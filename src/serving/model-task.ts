import { z } from 'zod';
import { DataShapeSchema } from '../contract/data-shape.ts';
import { JobSpecSchema } from '../contract/job-spec.ts';
import { ModelFileFormatSchema, PreprocessingSchema, TensorLayoutSchema } from '../contract/model-export.ts';
import { ArtifactsLocationSchema } from '../store/artifacts.ts';
import { JobFileSchema } from '../store/job-record.ts';

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

export const ExportTaskSchema = z.strictObject({
  model: StoredModelSchema,
  format: ModelFileFormatSchema,
  layout: TensorLayoutSchema,
  preprocessing: PreprocessingSchema,
});
export type ExportTask = z.output<typeof ExportTaskSchema>;
