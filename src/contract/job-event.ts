import { z } from 'zod';
import { JobErrorSchema, JobResultSchema, ProgressSchema, TimeSchema } from './job.ts';
import { EngineNameSchema } from './job-spec.ts';
import { EpochMetricsSchema } from './metrics.ts';

/** What happens to a job, in the order it happened: one sequence a job, seq 1, 2, 3, ... without gaps. */

const event = <Type extends string, Data extends z.ZodType>(type: Type, data: Data) =>
  z.strictObject({
    seq: z.int().gte(1).meta({ description: 'Place in the sequence; the SSE id and the `after` cursor.' }),
    type: z.literal(type),
    created_at: TimeSchema,
    data,
  });

const nothing = z.strictObject({});

export const QueuedReasonSchema = z.enum(['created', 'drained', 'fault', 'resumed']);

export const JobEventSchema = z
  .discriminatedUnion('type', [
    event('job.queued', z.strictObject({ reason: QueuedReasonSchema })),
    event(
      'job.running',
      z.strictObject({
        attempt: z.int().gte(1),
        worker: z.string(),
        engine: EngineNameSchema,
        from_epoch: z.int().gte(0),
      }),
    ),
    event('job.progress', ProgressSchema),
    event('job.epoch', EpochMetricsSchema),
    event('job.cancelling', nothing),
    event('job.pausing', nothing),
    event('job.paused', nothing),
    event('job.succeeded', z.strictObject({ result: JobResultSchema })),
    event('job.failed', z.strictObject({ error: JobErrorSchema })),
    event('job.cancelled', nothing),
  ])
  .meta({ id: 'JobEvent' });

export type JobEvent = z.output<typeof JobEventSchema>;
export type JobEventType = JobEvent['type'];
