import { z } from 'zod';

/** What watches a measure over the epochs: Keras's callbacks, with their argument names and defaults (3.15). */

export const MonitorSchema = z.enum(['loss', 'accuracy', 'val_loss', 'val_accuracy']).meta({ id: 'Monitor' });

export type Monitor = z.output<typeof MonitorSchema>;

const monitor = MonitorSchema.default('val_loss').meta({
  description: 'The measure of each epoch that is watched. val_* need validation rows.',
});

const mode = z.enum(['auto', 'min', 'max']).default('auto').meta({
  description: 'Whether less is better (min) or more (max); auto = min for losses, max for accuracies.',
});

const minDelta = (value: number) =>
  z
    .number()
    .gte(0)
    .lte(1_000_000)
    .default(value)
    .meta({ description: 'An epoch improves only what it changes by more than this: 0 to 1,000,000.' });

const epochs = (value: number, description: string) =>
  z
    .int()
    .gte(0)
    .lte(1000)
    .default(value)
    .meta({ description: `${description}: 0 to 1000.` });

export const EarlyStoppingSchema = z
  .strictObject({
    monitor,
    min_delta: minDelta(0),
    patience: epochs(0, 'Epochs without an improvement after which training stops'),
    mode,
    baseline: z.number().gte(-1_000_000).lte(1_000_000).nullable().default(null).meta({
      description:
        'Only improvements beyond this value make the patience start again: -1,000,000 to 1,000,000; null = all do.',
    }),
    restore_best_weights: z.boolean().default(false).meta({
      description:
        'Whether the model gets the weights of the best epoch when the training ends, also if it trained all epochs. What follows the model has them too: evaluation, files, weights_sha256.',
    }),
    start_from_epoch: epochs(0, 'First epochs that are not watched'),
  })
  .meta({
    id: 'EarlyStopping',
    description: 'keras EarlyStopping: ends the training when it no longer improves.',
  });

export const ReduceLrOnPlateauSchema = z
  .strictObject({
    monitor,
    factor: z
      .number()
      .gt(0)
      .lt(1)
      .default(0.1)
      .meta({ description: 'What the learning rate is multiplied with: greater than 0, less than 1.' }),
    patience: epochs(10, 'Epochs without an improvement after which the rate is reduced'),
    mode,
    min_delta: minDelta(0.0001),
    cooldown: epochs(0, 'Epochs after a reduction in which nothing is counted'),
    min_lr: z.number().gte(0).lte(10).default(0).meta({ description: 'The lowest learning rate: 0 to 10.' }),
  })
  .meta({
    id: 'ReduceLrOnPlateau',
    description: 'keras ReduceLROnPlateau: reduces the learning rate when the training no longer improves.',
  });

export type EarlyStopping = z.output<typeof EarlyStoppingSchema>;
export type ReduceLrOnPlateau = z.output<typeof ReduceLrOnPlateauSchema>;
