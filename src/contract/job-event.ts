import { z } from 'zod';
import { VerdictSchema } from './doctor.ts';
import { JobErrorSchema, JobIdSchema, JobResultSchema, ProgressSchema, TimeSchema } from './job.ts';
import { EngineNameSchema, MetadataSchema, NameSchema, PrioritySchema } from './job-spec.ts';
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
    event('job.verdict', VerdictSchema),
    event('job.cancelling', nothing),
    event('job.pausing', nothing),
    event('job.paused', nothing),
    event(
      'job.updated',
      z
        .strictObject({ name: NameSchema.nullable(), metadata: MetadataSchema, priority: PrioritySchema })
        .meta({ description: 'As they are now. A job that has ended gets no such event.' }),
    ),
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

/** An event of one of many jobs. */
export const FeedEventSchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^\d{1,15}-\d{1,15}$/)
      .meta({
        description: 'Place in the sequence of all events of the owner: the SSE id and the `after` cursor.',
      }),
    job: JobIdSchema,
    event: JobEventSchema,
  })
  .meta({ id: 'FeedEvent' });

export const FeedEventListSchema = z
  .strictObject({
    object: z.literal('list'),
    data: z.array(FeedEventSchema),
    has_more: z.boolean().meta({ description: 'Whether there may be more after `last_id`.' }),
    last_id: z.string().meta({ description: 'Where the next page begins: pass it as `after`.' }),
    reset: z.boolean().meta({
      description:
        'true: events after `after` were forgotten, because too many followed it, or lost with Redis. Read the jobs again.',
    }),
  })
  .meta({ id: 'FeedEventList' });
