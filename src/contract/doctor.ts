import { z } from 'zod';
import { JobStatusSchema } from './job.ts';

/** What the training doctor measures at the end of an epoch, and what it concludes. */

const VERDICT_RULES = [
  'stuck',
  'diverging',
  'dead_layer',
  'rate_too_high',
  'rate_too_low',
  'overfitting',
  'done_early',
] as const;

export const VerdictSchema = z
  .strictObject({
    rule: z.enum(VERDICT_RULES).meta({
      description:
        'stuck: the loss stays at that of guessing, ln(classes), or above it. diverging: the loss has doubled, or is no finite number. dead_layer: hardly a unit of a relu layer fires. rate_too_high, rate_too_low: by how much steps change the weights. overfitting: val_loss rises while loss falls. done_early: the last epochs brought nothing.',
    }),
    epoch: z.int().gte(1).meta({ description: 'The epoch at whose end the rule held for the first time.' }),
    layer: z
      .int()
      .gte(1)
      .nullable()
      .meta({ description: 'The layer it is about, counted from the input; null = all.' }),
    detail: z.string().meta({ description: 'What was seen and what usually helps, in a sentence or two.' }),
    figures: z.record(z.string(), z.number()).meta({ description: 'The numbers that the rule compared.' }),
  })
  .meta({ id: 'Verdict' });

export type Verdict = z.output<typeof VerdictSchema>;

const LayerHealthSchema = z
  .strictObject({
    units: z.int().gte(1).meta({ description: 'Outputs of the layer.' }),
    gradient_norm: z.number().gte(0).nullable().meta({
      description:
        "Norm of the layer's gradient, before it is clipped, in the epoch's last full batch; null on the engine tensorflow.",
    }),
    update_ratio: z.number().nullable().meta({
      description:
        'log10(mean |change| / mean |weight|) of its kernel, or of 1,024 weights of it, in that step: -3 is usual; null where nothing changed.',
    }),
    dead_units: z.int().gte(0).nullable().meta({
      description:
        'Units that fired for no row of the batches that were measured in this epoch; null for the last layer, for activations other than relu, and on the engine tensorflow.',
    }),
  })
  .meta({ id: 'LayerHealth' });

export const EpochHealthSchema = z
  .strictObject({ epoch: z.int().gte(1), layers: z.array(LayerHealthSchema) })
  .meta({ id: 'EpochHealth' });

export type LayerHealth = z.output<typeof LayerHealthSchema>;
export type EpochHealth = z.output<typeof EpochHealthSchema>;

/** The borders of the bins of effective rates: half a power of ten each, 10^-3.5 to 10^3.5. */
export const RATE_BORDERS: readonly number[] = [
  0.000316227766, 0.001, 0.00316227766, 0.01, 0.0316227766, 0.1, 0.316227766, 1, 3.16227766, 10, 31.6227766,
  100, 316.227766, 1000, 3162.27766,
];

/** For each layer, how many of its weights and biases are in each bin. */
export const EffectiveRatesSchema = z
  .array(z.array(z.int().gte(0)).length(RATE_BORDERS.length + 1))
  .nullable();

export type EffectiveRates = z.output<typeof EffectiveRatesSchema>;

export const DoctorSchema = z
  .strictObject({
    object: z.literal('doctor'),
    status: JobStatusSchema,
    terminal: z.boolean(),
    epochs: z.array(EpochHealthSchema).meta({
      description: 'The figures of each epoch, oldest first, and in each the layers from the input on.',
    }),
    rate_borders: z
      .array(z.number())
      .meta({ description: 'The 15 borders between the 16 bins of effective_rates.' }),
    effective_rates: EffectiveRatesSchema.meta({
      description:
        'For each layer, how many of its weights and biases, or of 1,024 of them, have an effective rate in each bin at the end of the latest epoch: learning_rate / sqrt(v + epsilon) for rmsprop and adagrad, learning_rate / (sqrt(v / (1 - beta_2^t)) + epsilon) for adam and adamw; null for others.',
    }),
    verdicts: z
      .array(VerdictSchema)
      .meta({ description: 'Each rule once, in the order in which they were given.' }),
  })
  .meta({ id: 'Doctor', description: 'As of the latest checkpoint, or the end.' });

export type Doctor = z.output<typeof DoctorSchema>;
