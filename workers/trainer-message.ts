import { z } from 'zod';
import { DataShapeSchema } from '../src/contract/data-shape.ts';
import { JobErrorSchema, JobIdSchema, JobResultSchema, ProgressSchema } from '../src/contract/job.ts';
import { EngineNameSchema, type JobSpec } from '../src/contract/job-spec.ts';
import { EpochMetricsSchema } from '../src/contract/metrics.ts';
import { ArtifactsLocationSchema } from '../src/store/artifacts.ts';
import { CheckpointFileSchema, CheckpointsSchema, JobFileSchema } from '../src/store/job-record.ts';

/** The messages between a worker and its trainer. Both sides parse what they receive. */

/**
 * A spec that was parsed when it came in, and again with its record: the worker and its trainer are of one build, so the
 * trainer takes it as it is.
 */
const ParsedSpecSchema = z.custom<JobSpec>((spec) => typeof spec === 'object' && spec !== null);

export const TrainCommandSchema = z.strictObject({
  type: z.literal('train'),
  job: JobIdSchema,
  attempt: z.int().gte(1),
  spec: ParsedSpecSchema,
  /** What the spec's dataset was when the job was created. */
  data: DataShapeSchema,
  /** What the spec's `engine` means; the record has it too. */
  engine: EngineNameSchema,
  /** Where the prepared datasets lie. */
  dataDir: z.string().min(1),
  artifacts: ArtifactsLocationSchema,
  /** Newest first; the first that verifies is taken. */
  checkpoints: CheckpointsSchema,
});

export const TrainerCommandSchema = z.discriminatedUnion('type', [
  TrainCommandSchema,
  /** Epoch `epoch` is in the record. */
  z.strictObject({ type: z.literal('confirmed'), epoch: z.int().gte(1) }),
  /** Stop at the next yield. */
  z.strictObject({ type: z.literal('stop') }),
  /** Stop at the next epoch's end, with a checkpoint. */
  z.strictObject({ type: z.literal('drain') }),
]);

export const TrainerMessageSchema = z.discriminatedUnion('type', [
  /** The modules are loaded. */
  z.strictObject({ type: z.literal('ready') }),
  z.strictObject({ type: z.literal('progress'), progress: ProgressSchema }),
  z.strictObject({
    type: z.literal('epoch'),
    metrics: EpochMetricsSchema,
    progress: ProgressSchema,
    /** Undefined when none was due, or when it could not be written: then `warning` is the reason. */
    checkpoint: CheckpointFileSchema.optional(),
    warning: z.string().optional(),
  }),
  z.strictObject({
    type: z.literal('finished'),
    result: JobResultSchema.omit({ duration_seconds: true }),
    evaluation: JobFileSchema,
    model: JobFileSchema,
  }),
  z.strictObject({ type: z.literal('failed'), error: JobErrorSchema }),
  /** After stop, or after drain at an epoch's end. */
  z.strictObject({ type: z.literal('stopped') }),
]);

export type TrainCommand = z.output<typeof TrainCommandSchema>;
export type TrainerCommand = z.output<typeof TrainerCommandSchema>;
export type TrainerMessage = z.output<typeof TrainerMessageSchema>;
