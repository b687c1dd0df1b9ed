import { z } from 'zod';
import { JobStatusSchema } from './job.ts';
import { AccuracySchema, MaeSchema } from './metrics.ts';

/** What single steps measured: one row for each logged step. */

export const StepRowSchema = z
  .strictObject({
    epoch: z.int().gte(1).meta({ description: 'The epoch that the step belongs to, counted from 1.' }),
    step: z
      .int()
      .gte(1)
      .meta({ description: 'Optimizer steps since the start of the job; the cursor for `after`.' }),
    loss: z.number().meta({ description: "Mean loss of the step's batch, before its update." }),
    accuracy: AccuracySchema.meta({ description: 'Of the same batch; null for a number.' }),
    mae: MaeSchema.unwrap().meta({
      description: 'Of the same batch, in the unit of the data; null for classes.',
    }),
    gradient_norm: z.number().gte(0).nullable().meta({
      description:
        'Norm of the gradient of all weights and biases, before it is clipped; null on the engine tensorflow, and where it is no finite number.',
    }),
  })
  .meta({ id: 'StepRow' });

export type StepRow = z.output<typeof StepRowSchema>;

/** The fields of a row in order: the columns of a table. */
export const STEP_COLUMNS = Object.keys(StepRowSchema.shape) as (keyof StepRow)[];

const state = {
  status: JobStatusSchema,
  terminal: z.boolean().meta({ description: 'Whether the job has ended, so that no more rows follow.' }),
};

export const StepListSchema = z
  .strictObject({ object: z.literal('steps'), data: z.array(StepRowSchema), ...state })
  .meta({
    id: 'StepList',
    description: 'One row per logged step, oldest first, as of the latest checkpoint.',
  });

type Columns = { [Name in keyof StepRow]: z.ZodArray<(typeof StepRowSchema.shape)[Name]> };

const columns = Object.fromEntries(
  STEP_COLUMNS.map((name) => [name, z.array(StepRowSchema.shape[name])]),
) as Columns;

export const StepColumnsSchema = z
  .strictObject({ object: z.literal('step_columns'), ...state, columns: z.strictObject(columns) })
  .meta({
    id: 'StepColumns',
    description: 'The same rows as one array per field; the arrays have the same length.',
  });
