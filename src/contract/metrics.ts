import { z } from 'zod';

/** One row of a job's history: what an epoch measured. */
export const EpochMetricsSchema = z
  .strictObject({
    epoch: z.int().gte(1).meta({ description: 'Epochs finished, counted from 1.' }),
    step: z.int().gte(1).meta({ description: 'Optimizer steps since the start of the job.' }),
    loss: z.number().meta({
      description:
        "Keras's running mean of the loss over the epoch's batches, each measured before its own update: not the loss at the epoch's end.",
    }),
    accuracy: z.number().gte(0).lte(1).meta({
      description: "Keras's running mean of the accuracy over the epoch's batches, like loss.",
    }),
    val_loss: z.number().nullable().meta({
      description: "Exact mean loss of the validation rows at the epoch's end; null without validation.",
    }),
    val_accuracy: z.number().gte(0).lte(1).nullable().meta({
      description: "Exact accuracy on the validation rows at the epoch's end; null without validation.",
    }),
    learning_rate: z.number().meta({ description: 'The learning rate of this epoch.' }),
    duration_seconds: z
      .number()
      .gte(0)
      .meta({ description: 'Time this epoch took to compute, validation included.' }),
    steps_per_second: z
      .number()
      .gte(0)
      .meta({ description: 'Optimizer steps a second, validation left out.' }),
  })
  .meta({ id: 'EpochMetrics' });

export const MetricsRowSchema = EpochMetricsSchema.extend({
  seq: z.int().gte(1).meta({ description: "The seq of this row's job.epoch event; the cursor for `after`." }),
}).meta({ id: 'MetricsRow' });

export type EpochMetrics = z.output<typeof EpochMetricsSchema>;
export type MetricsRow = z.output<typeof MetricsRowSchema>;
