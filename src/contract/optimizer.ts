import { z } from 'zod';
import { learningRateSchema } from './learning-rate.ts';

/**
 * The optimizers a job can use, with the argument names and defaults of Keras 3.15 (keras/src/optimizers). The bounds
 * are our own; the update rules are in src/engine/reference/update-rules.ts.
 */

const fraction = (value: number, description: string) =>
  z.number().gte(0).lt(1).default(value).meta({ description });

const epsilon = z
  .number()
  .gt(0)
  .lte(1)
  .default(1e-7)
  .meta({ description: 'Small constant that keeps the division finite: greater than 0, at most 1.' });

/** 0 becomes null, so that what a job computes is asked of one value: -0 - (-0) is +0. */
const weightDecay = (value: number | null) =>
  z
    .number()
    .gte(0)
    .lte(1)
    .nullable()
    .overwrite((given) => (given === 0 ? null : given))
    .default(value)
    .meta({
      description:
        'Share of each weight and bias that a step takes away, times its learning rate, before the update: 0 to 1; null = none. 0 becomes null.',
    });

const clip = (description: string) =>
  z
    .number()
    .gt(0)
    .lte(1_000_000)
    .nullable()
    .default(null)
    .meta({
      description: `${description}: greater than 0, at most 1,000,000; null = none. At most one of clipnorm, global_clipnorm and clipvalue can be set.`,
    });

/** Keras's arguments of every optimizer. In a step, clipping comes first, then the decay, then the update. */
const shared = (decay: number | null = null) => ({
  weight_decay: weightDecay(decay),
  clipnorm: clip('Largest norm of the gradient of each kernel and of each bias; a longer one is scaled down'),
  global_clipnorm: clip(
    'Largest norm of the gradient of all parameters together; a longer one is scaled down',
  ),
  clipvalue: clip('Largest absolute value of each entry of the gradient'),
});

const firstBeta = fraction(0.9, 'Decay of the running mean of gradients: 0 to less than 1.');
const secondBeta = fraction(0.999, 'Decay of the running mean of squared gradients: 0 to less than 1.');

const amsgrad = z.boolean().default(false).meta({
  description: 'Divide by the largest mean square so far, so that the effective rate never grows again.',
});

export const RmspropSchema = z
  .strictObject({
    type: z.literal('rmsprop'),
    learning_rate: learningRateSchema(0.001),
    rho: fraction(0.9, 'Decay of the running mean of squared gradients: 0 to less than 1.'),
    momentum: fraction(0, 'Share of the previous increment that is added again: 0 to less than 1.'),
    epsilon,
    centered: z
      .boolean()
      .default(false)
      .meta({ description: 'Divide by the estimated variance of the gradient, not by its mean square.' }),
    ...shared(),
  })
  .meta({ id: 'Rmsprop' });

export const SgdSchema = z
  .strictObject({
    type: z.literal('sgd'),
    learning_rate: learningRateSchema(0.01),
    momentum: fraction(0, 'Share of the previous increment that is added again: 0 to less than 1.'),
    nesterov: z
      .boolean()
      .default(false)
      .meta({ description: 'Use Nesterov momentum, which looks ahead; changes nothing without momentum.' }),
    ...shared(),
  })
  .meta({ id: 'Sgd' });

export const AdagradSchema = z
  .strictObject({
    type: z.literal('adagrad'),
    learning_rate: learningRateSchema(0.001),
    initial_accumulator_value: z
      .number()
      .gte(0)
      .lte(10)
      .default(0.1)
      .meta({ description: 'Initial value of each accumulator of squared gradients: 0 to 10.' }),
    epsilon,
    ...shared(),
  })
  .meta({ id: 'Adagrad' });

export const AdamSchema = z
  .strictObject({
    type: z.literal('adam'),
    learning_rate: learningRateSchema(0.001),
    beta_1: firstBeta,
    beta_2: secondBeta,
    epsilon,
    amsgrad,
    ...shared(),
  })
  .meta({ id: 'Adam' });

export const AdamwSchema = z
  .strictObject({
    type: z.literal('adamw'),
    learning_rate: learningRateSchema(0.001),
    beta_1: firstBeta,
    beta_2: secondBeta,
    epsilon,
    amsgrad,
    ...shared(0.004),
  })
  .meta({ id: 'Adamw', description: 'adam with weight_decay.' });

export const NadamSchema = z
  .strictObject({
    type: z.literal('nadam'),
    learning_rate: learningRateSchema(0.001),
    beta_1: firstBeta,
    beta_2: secondBeta,
    epsilon,
    ...shared(),
  })
  .meta({ id: 'Nadam', description: 'adam with Nesterov momentum.' });

export const AdamaxSchema = z
  .strictObject({
    type: z.literal('adamax'),
    learning_rate: learningRateSchema(0.001),
    beta_1: firstBeta,
    beta_2: fraction(0.999, 'Decay of the largest gradient: 0 to less than 1.'),
    epsilon,
    ...shared(),
  })
  .meta({ id: 'Adamax', description: 'adam that divides by the largest gradient of late.' });

export const AdadeltaSchema = z
  .strictObject({
    type: z.literal('adadelta'),
    learning_rate: learningRateSchema(0.001),
    rho: fraction(
      0.95,
      'Decay of the running means of squared gradients and of squared updates: 0 to less than 1.',
    ),
    epsilon,
    ...shared(),
  })
  .meta({ id: 'Adadelta' });

export const LionSchema = z
  .strictObject({
    type: z.literal('lion'),
    learning_rate: learningRateSchema(0.001),
    beta_1: z.number().gt(0).lt(1).default(0.9).meta({
      description: 'Share of the running mean in the direction of a step: greater than 0, less than 1.',
    }),
    beta_2: fraction(0.99, 'Decay of the running mean of gradients: 0 to less than 1.'),
    ...shared(),
  })
  .meta({ id: 'Lion', description: 'Steps of the same size in all parameters: the sign of a running mean.' });

export const OptimizerSchema = z
  .discriminatedUnion('type', [
    RmspropSchema,
    SgdSchema,
    AdagradSchema,
    AdamSchema,
    AdamwSchema,
    NadamSchema,
    AdamaxSchema,
    AdadeltaSchema,
    LionSchema,
  ])
  .meta({
    id: 'Optimizer',
    description:
      'How the weights follow the gradient. The numbers are rounded to 32-bit floats; a number that rounds to 0, or to 1 where it must be less, is refused.',
  });

export type Optimizer = z.output<typeof OptimizerSchema>;
export type Rmsprop = z.output<typeof RmspropSchema>;
export type Sgd = z.output<typeof SgdSchema>;
export type Adagrad = z.output<typeof AdagradSchema>;
export type Adam = z.output<typeof AdamSchema>;
export type Adamw = z.output<typeof AdamwSchema>;
export type Nadam = z.output<typeof NadamSchema>;
export type Adamax = z.output<typeof AdamaxSchema>;
export type Adadelta = z.output<typeof AdadeltaSchema>;
export type Lion = z.output<typeof LionSchema>;

/** The arguments that every optimizer has. */
export type Shared = Pick<Optimizer, keyof ReturnType<typeof shared>>;

export const OptimizerTypeSchema = z
  .enum(['rmsprop', 'sgd', 'adagrad', 'adam', 'adamw', 'nadam', 'adamax', 'adadelta', 'lion'])
  .meta({ id: 'OptimizerType' }) satisfies z.ZodType<Optimizer['type']>;
