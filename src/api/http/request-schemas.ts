import { z } from 'zod';
import { OwnerSchema } from '../../contract/access.ts';
import { JobIdSchema, JobStatusSchema } from '../../contract/job.ts';

/** Paths and queries. Query values are text; only integers are converted. */

const queryInteger = <Schema extends z.ZodType>(schema: Schema) =>
  z.preprocess((text) => (typeof text === 'string' && /^\d{1,15}$/.test(text) ? Number(text) : text), schema);

/** The query of a path that declares none; `query.ts` has the rule. */
export const NoQuerySchema = z.strictObject({});

export const JobPathSchema = z.strictObject({ id: JobIdSchema });

export const ReadyQuerySchema = z.strictObject({
  exclude: z.enum(['workers']).optional().meta({
    description: 'Leaves out what workers do: the checks `queue` and `workers` then cannot cause a 503.',
  }),
});

export const ListJobsQuerySchema = z.strictObject({
  limit: queryInteger(z.int().gte(1).lte(100).default(20)).meta({ description: 'Jobs per page: 1 to 100.' }),
  after: JobIdSchema.optional().meta({ description: 'The last id of the previous page.' }),
  status: JobStatusSchema.optional().meta({ description: 'Only jobs with this status.' }),
  owner: OwnerSchema.optional().meta({
    description:
      'Only jobs of this owner. Only an admin sees those of others; by default, an admin sees all.',
  }),
});

const after = queryInteger(z.int().gte(0).default(0)).meta({
  description: 'Only entries with a higher seq.',
});

export const MetricsQuerySchema = z.strictObject({
  after,
  format: z.enum(['json', 'csv']).optional().meta({ description: 'Overrides Accept.' }),
});

/** Polyfills send an empty value before the first event, and append another when the URL already has one. */
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
      'The last seq you have, for EventSource polyfills that cannot set the header Last-Event-ID. Overrides `after`; the header overrides both. Also accepted as `lastEventID`, `last-event-id`, `last_event_id` or `evs_last_event_id`; if there are several, the last one counts.',
  }),
  limit: queryInteger(z.int().gte(1).lte(1000).default(100)).meta({
    description: 'Events per page: 1 to 1000. A stream has no limit.',
  }),
});
