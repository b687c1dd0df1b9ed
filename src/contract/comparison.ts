import { z } from 'zod';
import { JobIdSchema, JobStatusSchema } from './job.ts';

/** Jobs side by side. */

export const FEWEST_COMPARED = 2;
export const MOST_COMPARED = 50;

const perJob = <Schema extends z.ZodType>(schema: Schema) => z.array(schema);

/** Of a parameter; arrays are those of hidden_units. */
const ValueSchema = z.union([z.string(), z.number(), z.boolean(), z.null(), z.array(z.number())]);
export type ParameterValue = z.output<typeof ValueSchema>;

/** The measures of the curves, in the order of the columns. */
export const CURVES = ['loss', 'accuracy', 'val_loss', 'val_accuracy', 'mae', 'val_mae'] as const;
export type Curve = (typeof CURVES)[number];

/** The vertical axis of a chart. */
export const ChartScaleSchema = z.enum(['linear', 'log']);
export type ChartScale = z.output<typeof ChartScaleSchema>;

const curve = z
  .array(perJob(z.number().nullable()))
  .meta({ description: 'One entry per epoch, with a value for each job; null where it has none.' });

const order = z.array(JobIdSchema);

export const ComparisonSchema = z
  .strictObject({
    object: z.literal('comparison'),
    jobs: z
      .array(
        z.strictObject({
          id: JobIdSchema,
          name: z.string().nullable(),
          status: JobStatusSchema,
          test_loss: z.number().nullable(),
          test_accuracy: z.number().nullable(),
          test_mae: z.number().nullable(),
          duration_seconds: z.number().nullable(),
        }),
      )
      .meta({ description: 'In the order of the request, which all lists of values here have.' }),
    different: z.record(z.string(), perJob(ValueSchema)).meta({
      description: 'The parameters that differ, with the value of each job; null where it has none.',
    }),
    same: z
      .record(z.string(), ValueSchema)
      .meta({ description: 'The parameters that all jobs have in common.' }),
    epochs: z.array(z.int().gte(1)),
    curves: z.strictObject({
      loss: curve,
      accuracy: curve,
      val_loss: curve,
      val_accuracy: curve,
      mae: curve,
      val_mae: curve,
    }),
    order: z
      .strictObject({
        test_accuracy: order,
        test_loss: order,
        test_mae: order,
        val_loss: order,
        duration_seconds: order,
      })
      .meta({
        description:
          'The jobs from best to worst; val_loss is the lowest of all epochs. Jobs without the value are left out.',
      }),
  })
  .meta({ id: 'Comparison' });

export type Comparison = z.output<typeof ComparisonSchema>;
