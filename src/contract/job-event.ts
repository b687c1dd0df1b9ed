import { z } from 'zod';
import { JobErrorSchema, JobResultSchema, ProgressSchema, TimeSchema } from './job.ts';
import { EngineNameSchema } from './job-spec.ts';
import { EpochMetricsSchema } from './metrics.ts';

/** What happened to a job, in order: one sequence per job, seq 1, 2, 3, ... without gaps. */

/** job.queued -> JobQueuedEvent: the name of its schema in the OpenAPI document. */
const schemaName = (type: string): string =>
  `${type.replace(/(?:^|\.)(\w)/g, (_match, letter: string) => letter.toUpperCase())}Event`;

const event = <Type extends string, Data extends z.ZodType>(type: Type, data: Data) =>
  z
    .strictObject({
      seq: z.int().gte(1).meta({ description: 'Place in the sequence; the SSE id and the `after` cursor.' }),
      type: z.literal(type),
      created_at: TimeSchema,
      data,
    })
    .meta({ id: schemaName(type) });

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

export const JobEventListSchema = z
  .strictObject({
    object: z.literal('list'),
    data: z.array(JobEventSchema),
    has_more: z.boolean().meta({ description: 'Whether more events already follow the last one in data.' }),
  })
  .meta({ id: 'JobEventList' });
