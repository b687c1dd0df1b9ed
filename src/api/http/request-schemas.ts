import { z } from 'zod';
import { JobIdSchema, JobStatusSchema } from '../../contract/job.ts';

/** Paths and queries. A query is text; integers in it are read here and nothing else is converted. */

const queryInteger = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((text) => (typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : text), schema);

/** What a path that names no query gets: see `query.ts` for what is refused. */
export const NoQuerySchema = z.strictObject({});

export const JobPathSchema = z.strictObject({ id: JobIdSchema });

export const ListJobsQuerySchema = z.strictObject({
  limit: queryInteger(z.int().gte(1).lte(100).default(20)).meta({ description: 'Jobs a page: 1 to 100.' }),
  after: JobIdSchema.optional().meta({ description: 'The last id of the page before.' }),
  status: JobStatusSchema.optional().meta({ description: 'Only jobs with this status.' }),
});

const after = queryInteger(z.int().gte(0).default(0)).meta({ description: 'Only what has a higher seq.' });

export const MetricsQuerySchema = z.strictObject({
  after,
  format: z.enum(['json', 'csv']).optional().meta({ description: 'Wins over Accept.' }),
});

/** Polyfills send an empty one before the first event, and append where one is in the URL already. */
const lastEventId = z.preprocess(
  (given) => {
    const last: unknown = Array.isArray(given) ? given.at(-1) : given;
    return last === '' ? undefined : last;
  },
  queryInteger(z.int().gte(0).optional()),
);

export const EventsQuerySchema = z.strictObject({
  after,
  lastEventId: lastEventId.meta({
    description:
      'What EventSource polyfills send where they cannot set the header Last-Event-ID: the last seq you have. Wins over `after`; the header wins over both. Also as `lastEventID`, `last-event-id`, `last_event_id` or `evs_last_event_id`; of several the last counts.',
  }),
  limit: queryInteger(z.int().gte(1).lte(1000).default(100)).meta({
    description: 'Events a page: 1 to 1000. A stream sends all there are.',
  }),
});
