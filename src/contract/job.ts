import { z } from 'zod';
import { OwnerSchema } from './access.ts';
import { EngineNameSchema, JobSpecSchema } from './job-spec.ts';
import { AccuracySchema, EpochMetricsSchema, MaeSchema } from './metrics.ts';

/** A job as the API shows it. */

export const JOB_ID_PATTERN = /^job_[0-9A-HJKMNP-TV-Z]{26}$/;

export const JobIdSchema = z
  .string()
  .regex(JOB_ID_PATTERN)
  .meta({ id: 'JobId', description: 'job_ and a ULID.', examples: ['job_01KAXW3Q2M5N6P7Q8R9S0T1V2W'] });

export const TimeSchema = z
  .string()
  .meta({ id: 'Time', format: 'date-time', description: 'ISO 8601, UTC, milliseconds.' });

export const JobStatusSchema = z
  .enum(['queued', 'running', 'pausing', 'paused', 'cancelling', 'succeeded', 'failed', 'cancelled'])
  .meta({
    id: 'JobStatus',
    description: 'succeeded, failed and cancelled are terminal: a terminal status never changes.',
  });

export type JobStatus = z.output<typeof JobStatusSchema>;

const TERMINAL: readonly JobStatus[] = ['succeeded', 'failed', 'cancelled'];

export const isTerminal = (status: JobStatus): boolean => TERMINAL.includes(status);

/** Why a job failed. Infrastructure faults are retried up to three times in a row, other errors never. */
export const JobErrorSchema = z
  .strictObject({
    code: z.enum([
      'diverged',
      'timeout',
      'worker_lost',
      'trainer_crashed',
      'lease_lost',
      'out_of_memory',
      'dataset_unavailable',
      'engine_unavailable',
      'storage_unavailable',
      'internal',
    ]),
    message: z.string(),
    retryable: z
      .boolean()
      .meta({ description: 'Whether the same spec, posted again, is likely to succeed.' }),
  })
  .meta({ id: 'JobError' });

export type JobError = z.output<typeof JobErrorSchema>;
export type JobErrorCode = JobError['code'];

const MeasuredSchema = z.strictObject({
  loss: z.number(),
  accuracy: AccuracySchema.meta({ description: 'null for a number.' }),
  mae: MaeSchema.meta({
    description:
      'Mean absolute error, in the unit of the data; null for classes, missing in jobs that ended under an older version.',
  }),
});

const BestEpochSchema = z.strictObject({ epoch: z.int().gte(1), value: z.number() }).nullable();

export const BestEpochsSchema = z
  .strictObject({
    val_loss: BestEpochSchema,
    val_accuracy: BestEpochSchema,
    val_mae: BestEpochSchema.optional().meta({
      description: 'Missing in jobs that ended under an older version.',
    }),
  })
  .meta({
    id: 'BestEpochs',
    description:
      'The lowest val_loss, the highest val_accuracy and the lowest val_mae, and the epochs that had them; null without validation, and where the job has no such measure.',
  });

export type BestEpochs = z.output<typeof BestEpochsSchema>;

const HashSchema = z.string().regex(/^[0-9a-f]{64}$/);

export const JobResultSchema = z
  .strictObject({
    test: MeasuredSchema,
    train: MeasuredSchema.meta({
      description: 'Running means over the last epoch, or over the one whose weights were restored.',
    }),
    validation: MeasuredSchema.nullable().meta({
      description: 'At the end of that epoch; null without validation.',
    }),
    best: BestEpochsSchema.optional().meta({
      description: 'Missing in jobs that ended under an older version.',
    }),
    stopped_epoch: z.int().gte(1).nullable().optional().meta({
      description:
        'The epoch after which early_stopping ended the training; null if it trained all epochs, missing without early_stopping.',
    }),
    best_epoch: z.int().gte(1).nullable().optional().meta({
      description:
        'The epoch with the best value of what early_stopping watches, by its min_delta, which restore_best_weights restores; null if it watched none, missing without early_stopping.',
    }),
    duration_seconds: z
      .number()
      .gte(0)
      .meta({ description: 'finished_at - started_at, without the time that the job was paused.' }),
    training_seconds: z.number().gte(0).meta({ description: 'Sum of the duration_seconds of the epochs.' }),
    weights_sha256: HashSchema.meta({
      description: 'SHA-256 of the weights as float32 little-endian: W1 b1 W2 b2 ..., row-major [in][out].',
    }),
    metrics_sha256: HashSchema.meta({
      description:
        'SHA-256 of loss, accuracy, val_loss, val_accuracy, learning_rate of each epoch as float64 little-endian; null counts as NaN. For a number, of loss, mae, val_loss, val_mae, learning_rate.',
    }),
  })
  .meta({ id: 'JobResult' });

export type JobResult = z.output<typeof JobResultSchema>;

export const ProgressSchema = z
  .strictObject({
    epoch: z.int().gte(0).meta({ description: 'Epochs finished.' }),
    epochs: z.int().gte(1),
    step: z.int().gte(0),
    steps: z.int().gte(1),
    fraction: z.number().gte(0).lte(1),
    eta_seconds: z.number().gte(0).nullable(),
    steps_per_second: z.number().gte(0).nullable(),
  })
  .meta({ id: 'Progress' });

export type Progress = z.output<typeof ProgressSchema>;

export const LatestSchema = EpochMetricsSchema.pick({
  epoch: true,
  loss: true,
  accuracy: true,
  val_loss: true,
  val_accuracy: true,
  mae: true,
  val_mae: true,
}).meta({ id: 'Latest' });

export const AttemptOutcomeSchema = z.enum([
  'succeeded',
  'failed',
  'cancelled',
  'paused',
  'drained',
  'worker_lost',
  'trainer_crashed',
  'lease_lost',
]);

export type AttemptOutcome = z.output<typeof AttemptOutcomeSchema>;

export const AttemptSchema = z
  .strictObject({
    attempt: z.int().gte(1),
    worker: z.string().meta({ description: 'host/pid' }),
    from_epoch: z.int().gte(0).meta({
      description: 'Epochs already finished in the checkpoint it resumed from; 0 = started from scratch.',
    }),
    started_at: TimeSchema,
    ended_at: TimeSchema.nullable(),
    outcome: AttemptOutcomeSchema.nullable(),
    reason: z
      .string()
      .nullable()
      .meta({ description: 'Why the job was started again, in words; null for the first.' }),
  })
  .meta({ id: 'Attempt' });

export type Attempt = z.output<typeof AttemptSchema>;

export const ParentSchema = z
  .strictObject({
    job: JobIdSchema,
    epoch: z.int().gte(1).meta({ description: 'The job goes on after this epoch of its parent.' }),
    checkpoint_sha256: HashSchema.meta({ description: 'SHA-256 of the checkpoint that it began with.' }),
    optimizer_state: z.enum(['kept', 'new']).meta({
      description: 'new: the optimizer keeps another state than that of the parent, so it began anew.',
    }),
  })
  .meta({ id: 'Parent' });

export type Parent = z.output<typeof ParentSchema>;

/** The two hashes that compare the results of jobs. */
export const ResultHashesSchema = JobResultSchema.pick({ weights_sha256: true, metrics_sha256: true });

export type ResultHashes = z.output<typeof ResultHashesSchema>;

/** What a job trains again, and the hashes that it should come to. */
export const VerifiesSchema = ResultHashesSchema.extend({ job: JobIdSchema }).meta({ id: 'Verifies' });

export type Verifies = z.output<typeof VerifiesSchema>;

export const VerificationSchema = z
  .strictObject({
    verdict: z.enum(['verified', 'differs']),
    job: JobIdSchema.meta({ description: 'The job that was verified.' }),
    by: JobIdSchema.meta({ description: 'The job that trained it again.' }),
    expected: ResultHashesSchema.meta({ description: 'Of the job that was verified.' }),
    found: ResultHashesSchema.meta({ description: 'Of the job that trained it again.' }),
  })
  .meta({ id: 'Verification' });

export type Verification = z.output<typeof VerificationSchema>;

export const JobSchema = z
  .strictObject({
    id: JobIdSchema,
    object: z.literal('job'),
    owner: OwnerSchema,
    status: JobStatusSchema,
    terminal: z.boolean(),
    version: z.string().meta({ description: 'The version of Descent that accepted the job.' }),
    created_at: TimeSchema,
    started_at: TimeSchema.nullable().meta({ description: 'When the first attempt started.' }),
    finished_at: TimeSchema.nullable(),
    spec: JobSpecSchema.meta({ description: 'The spec with every default written out.' }),
    engine: EngineNameSchema.nullable().meta({
      description: 'The engine that trains the job; null before the first start.',
    }),
    parameters: z.int().gte(1).meta({ description: 'Weights and biases of the model.' }),
    estimated_seconds: z.number().gte(0).nullable().meta({
      description:
        'How long the job was expected to take, from started_at to finished_at, when it was accepted; null if that was not known. Compare result.duration_seconds.',
    }),
    queue_position: z.int().gte(1).nullable().meta({ description: '1 = next; null unless queued.' }),
    progress: ProgressSchema,
    latest: LatestSchema.nullable().meta({ description: "The last finished epoch's metrics." }),
    result: JobResultSchema.nullable(),
    error: JobErrorSchema.nullable(),
    attempts: z.array(AttemptSchema),
    parent: ParentSchema.nullable().meta({
      description: 'What the job was forked or extended from; null for one that began anew.',
    }),
    cached: z.boolean().meta({
      description:
        'Whether the job ended at once with the result of an earlier job, whose times the result then has, too.',
    }),
    cached_from: JobIdSchema.nullable().meta({
      description: 'The job whose result it is; it may be gone. null if the job was trained.',
    }),
    verifies: VerifiesSchema.nullable().meta({
      description: 'The job that this one trains again, and the hashes of its result; null for others.',
    }),
    verification: VerificationSchema.nullable().meta({
      description:
        'Whether a job that trained this one again came to the same result, or, of such a job, whether it did: the latest verdict. null before the first.',
    }),
    links: z.strictObject({
      self: z.string(),
      metrics: z.string(),
      events: z.string(),
      evaluation: z.string(),
      model: z.string(),
      loss_chart: z.string(),
      accuracy_chart: z.string(),
      mae_chart: z.string(),
      confusion_chart: z.string(),
      residual_chart: z.string(),
      cancel: z.string(),
    }),
  })
  .meta({ id: 'Job' });

export type Job = z.output<typeof JobSchema>;

export const JobListSchema = z
  .strictObject({
    object: z.literal('list'),
    data: z.array(JobSchema),
    has_more: z.boolean(),
    next: z.string().nullable().meta({ description: 'The next page, as a path; null on the last one.' }),
  })
  .meta({ id: 'JobList' });
