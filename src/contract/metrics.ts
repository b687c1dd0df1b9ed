import { z } from 'zod';

/** null where the model predicts a number. */
export const AccuracySchema = z.number().gte(0).lte(1).nullable();

/** In the unit of the data; null where the model predicts classes. */
export const MaeSchema = z.number().gte(0).nullable().optional();

const SINCE = 'Missing in rows of older versions.';

/** What an epoch measured, as a trainer reports it and a checkpoint keeps it. */
export const EpochMetricsSchema = z
  .strictObject({
    epoch: z.int().gte(1).meta({ description: 'Epochs finished, counted from 1.' }),
    step: z.int().gte(1).meta({ description: 'Optimizer steps since the start of the job.' }),
    loss: z.number().meta({
      description:
        "Running mean of the loss over the epoch's batches, as in Keras: each batch is measured before its own update, so this is not the loss at the end of the epoch.",
    }),
    accuracy: AccuracySchema.meta({
      description:
        "Running mean of the accuracy over the epoch's batches, measured like loss; null for a number.",
    }),
    val_loss: z.number().nullable().meta({
      description: 'Exact mean loss on the validation rows at the end of the epoch; null without validation.',
    }),
    val_accuracy: AccuracySchema.meta({
      description:
        'Exact accuracy on the validation rows at the end of the epoch; null without validation, and for a number.',
    }),
    mae: MaeSchema.meta({
      description: `Running mean of the absolute error over the epoch's batches, measured like loss, in the unit of the data; null for classes. ${SINCE}`,
    }),
    val_mae: MaeSchema.meta({
      description: `Exact mean absolute error on the validation rows at the end of the epoch; null without validation, and for classes. ${SINCE}`,
    }),
    learning_rate: z.number().meta({ description: "The learning rate of the epoch's last step." }),
    duration_seconds: z
      .number()
      .gte(0)
      .meta({ description: 'Time this epoch took to compute, validation included.' }),
    steps_per_second: z
      .number()
      .gte(0)
      .meta({ description: 'Optimizer steps per second, not counting validation.' }),
  })
  .meta({ id: 'EpochMetrics' });

export type EpochMetrics = z.output<typeof EpochMetricsSchema>;
