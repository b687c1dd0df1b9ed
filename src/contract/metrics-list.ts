import { z } from 'zod';
import { JobStatusSchema } from './job.ts';
import { MetricsRowSchema } from './metrics.ts';

/** A job's history. It needs JobStatus, and job.ts imports metrics.ts, so it has its own file. */
export const MetricsListSchema = z
  .strictObject({
    object: z.literal('list'),
    data: z.array(MetricsRowSchema),
    status: JobStatusSchema,
    terminal: z.boolean().meta({ description: 'Whether the job has ended, so that no more rows follow.' }),
  })
  .meta({
    id: 'MetricsList',
    description: 'One row per epoch, oldest first; empty before the first epoch ends.',
  });
