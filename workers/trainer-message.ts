import { z } from 'zod';
import { DataShapeSchema } from '../src/contract/data-shape.ts';
import { VerdictSchema } from '../src/contract/doctor.ts';
import {
  JobErrorSchema,
  JobIdSchema,
  JobResultSchema,
  ParentSchema,
  ProgressSchema,
} from '../src/contract/job.ts';
import { EngineNameSchema, type JobSpec } from '../src/contract/job-spec.ts';
import { EpochMetricsSchema } from '../src/contract/metrics.ts';
import { StepRowSchema } from '../src/contract/step-row.ts';
import { ArtifactsLocationSchema } from '../src/store/artifacts.ts';
import { CheckpointsSchema, JobFileSchema, KeptFileSchema } from '../src/store/job-record.ts';

/** The messages between a worker and its trainer. Both sides parse what they receive. */

/**
 * A spec that was already parsed with the request and with the record. The worker and its trainer are of one build, so
 * the trainer does not parse it again.
 */
const ParsedSpecSchema = z.custom<JobSpec>((spec) => typeof spec === 'object' && spec !== null);

export const TrainCommandSchema = z.strictObject({
  type: z.literal('train'),
  job: JobIdSchema,
  attempt: z.int().gte(1),
  spec: ParsedSpecSchema,
  /** The shape of the spec's dataset when the job was created. */
  data: DataShapeSchema,
  /** The engine that the spec's `engine` means here, as in the record. */
  engine: EngineNameSchema,
  /** DATA_DIR, which holds the prepared datasets. */
  dataDir: z.string().min(1),
  artifacts: ArtifactsLocationSchema,
  /** Of a fork. */
  parent: ParentSchema.optional(),
  /** The last epoch in the record: a fork's begins without those of its parent. */
  recorded: z.int().gte(0),
  /** Newest first; training starts from the first intact one. */
  checkpoints: CheckpointsSchema,
});

export const TrainerCommandSchema = z.discriminatedUnion('type', [
  TrainCommandSchema,
  /** Answer `ready`. */
  z.strictObject({ type: z.literal('ask') }),
  /** Epoch `epoch` is in the record. */
  z.strictObject({ type: z.literal('confirmed'), epoch: z.int().gte(1) }),
  /** Stop at the next yield. */
  z.strictObject({ type: z.literal('stop') }),
  /** Stop at the next epoch's end, with a checkpoint. */
  z.strictObject({ type: z.literal('drain') }),
]);

export const TrainerMessageSchema = z.discriminatedUnion('type', [
  /** The modules are loaded, or an `ask` has arrived. */
  z.strictObject({ type: z.literal('ready') }),
  z.strictObject({
    type: z.literal('progress'),
    progress: ProgressSchema,
    /** Of the steps that were logged since the message before. */
    rows: z.array(StepRowSchema),
  }),
  z.strictObject({
    type: z.literal('epoch'),
    metrics: EpochMetricsSchema,
    progress: ProgressSchema,
    /** Given for the first time. */
    verdicts: z.array(VerdictSchema).optional(),
    /** Undefined when none was due or it could not be written; `warning` then gives the reason. */
    checkpoint: KeptFileSchema.optional(),
    /** The training log up to this epoch; beside each checkpoint. */
    log: JobFileSchema.optional(),
    /** Whether it is to stay after the end, unless a later one takes its place. */
    keep: z.boolean().optional(),
    /** Its parent computed it. */
    copied: z.boolean().optional(),
    warning: z.string().optional(),
  }),
  z.strictObject({
    type: z.literal('finished'),
    result: JobResultSchema.omit({ duration_seconds: true }),
    evaluation: JobFileSchema,
    model: JobFileSchema,
    log: JobFileSchema,
    /** Of the last epoch, if it is to stay. */
    checkpoint: KeptFileSchema.optional(),
  }),
  z.strictObject({
    type: z.literal('failed'),
    error: JobErrorSchema,
    verdicts: z.array(VerdictSchema).optional(),
    log: JobFileSchema.optional(),
  }),
  /** After stop, or after drain at an epoch's end. */
  z.strictObject({ type: z.literal('stopped') }),
]);

export type TrainCommand = z.output<typeof TrainCommandSchema>;
export type TrainerCommand = z.output<typeof TrainerCommandSchema>;
export type TrainerMessage = z.output<typeof TrainerMessageSchema>;
