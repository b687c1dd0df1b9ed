import { z } from 'zod';
import { DataShapeSchema } from '../src/contract/data-shape.ts';
import { JobErrorSchema, JobIdSchema, JobResultSchema } from '../src/contract/job.ts';
import { EngineNameSchema, JobSpecSchema } from '../src/contract/job-spec.ts';
import { EpochMetricsSchema } from '../src/contract/metrics.ts';
import { CheckpointFileSchema, CheckpointsSchema, JobFileSchema } from '../src/store/job-record.ts';

/** What a worker and its trainer say to each other. Both sides parse what they hear. */

export const TrainCommandSchema = z.strictObject({
  type: z.literal('train'),
  job: JobIdSchema,
  attempt: z.int().gte(1),
  spec: JobSpecSchema,
  /** What the spec's dataset was when the job was created. */
  data: DataShapeSchema,
  /** What the spec's `engine` means; the record says so too. */
  engine: EngineNameSchema,
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
  z.strictObject({
    type: z.literal('progress'),
    step: z.int().gte(0),
    steps_per_second: z.number().gte(0).nullable(),
    eta_seconds: z.number().gte(0).nullable(),
  }),
  z.strictObject({
    type: z.literal('epoch'),
    metrics: EpochMetricsSchema,
    /** Undefined when none was due, or when it could not be written: then `warning` says why. */
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
