import { z } from 'zod';
import { JobStatusSchema } from './job.ts';
import { MetricsRowSchema } from './metrics.ts';

/** A job's history. A file of its own, because a job's schema is made of metrics.ts. */
export const MetricsListSchema = z
  .strictObject({
    object: z.literal('list'),
    data: z.array(MetricsRowSchema),
    status: JobStatusSchema,
    terminal: z.boolean().meta({ description: 'true: no row will follow.' }),
  })
  .meta({
    id: 'MetricsList',
    description: 'One row an epoch, oldest first; empty before the first epoch ends.',
  });
