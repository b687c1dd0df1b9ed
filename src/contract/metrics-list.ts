import { z } from 'zod';
import { JobStatusSchema, TimeSchema } from './job.ts';
import { EpochMetricsSchema } from './metrics.ts';

/** A job's history. It needs JobStatus, and job.ts imports metrics.ts, so it has its own file. */

export const MetricsRowSchema = EpochMetricsSchema.extend({
  seq: z.int().gte(1).meta({ description: "The seq of this row's job.epoch event; the cursor for `after`." }),
  created_at: TimeSchema.meta({ description: "When the epoch was recorded: the time of this row's event." }),
}).meta({ id: 'MetricsRow' });

export type MetricsRow = z.output<typeof MetricsRowSchema>;

/** The fields of a row in order: the columns of a table. */
export const METRICS_COLUMNS = Object.keys(MetricsRowSchema.shape) as (keyof MetricsRow)[];

const state = {
  status: JobStatusSchema,
  terminal: z.boolean().meta({ description: 'Whether the job has ended, so that no more rows follow.' }),
};

export const MetricsListSchema = z
  .strictObject({ object: z.literal('list'), data: z.array(MetricsRowSchema), ...state })
  .meta({
    id: 'MetricsList',
    description: 'One row per epoch, oldest first; empty before the first epoch ends.',
  });

type Columns = { [Name in keyof MetricsRow]: z.ZodArray<(typeof MetricsRowSchema.shape)[Name]> };

const columns = Object.fromEntries(
  METRICS_COLUMNS.map((name) => [name, z.array(MetricsRowSchema.shape[name])]),
) as Columns;

export const MetricsColumnsSchema = z
  .strictObject({ object: z.literal('columns'), ...state, columns: z.strictObject(columns) })
  .meta({
    id: 'MetricsColumns',
    description: 'The same rows as one array per field; the arrays have the same length.',
  });

export type MetricsColumns = z.output<typeof MetricsColumnsSchema>;
