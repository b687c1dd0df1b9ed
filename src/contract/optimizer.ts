import { z } from 'zod';

/**
 * The optimizers a job can use, with Keras's argument names and defaults. The bounds are our own; the update
 * rules are in src/engine/reference/update-rules.ts.
 */

const learningRate = (value: number) =>
  z.number().gt(0).lte(10).default(value).meta({ description: 'Step size: greater than 0, at most 10.' });

const fraction = (value: number, description: string) =>
  z.number().gte(0).lt(1).default(value).meta({ description });

const epsilon = z
  .number()
  .gt(0)
  .lte(1)
  .default(1e-7)
  .meta({ description: 'Small constant that keeps the division finite: greater than 0, at most 1.' });

export const RmspropSchema = z
  .strictObject({
    type: z.literal('rmsprop'),
    learning_rate: learningRate(0.001),
    rho: fraction(0.9, 'Decay of the running mean of squared gradients: 0 to less than 1.'),
    momentum: fraction(0, 'Share of the previous increment that is added again: 0 to less than 1.'),
    epsilon,
    centered: z
      .boolean()
      .default(false)
      .meta({ description: 'Divide by the estimated variance of the gradient, not by its mean square.' }),
  })
  .meta({ id: 'Rmsprop' });

export const SgdSchema = z
  .strictObject({
    type: z.literal('sgd'),
    learning_rate: learningRate(0.01),
    momentum: fraction(0, 'Share of the previous increment that is added again: 0 to less than 1.'),
    nesterov: z
      .boolean()
      .default(false)
      .meta({ description: 'Use Nesterov momentum, which looks ahead; changes nothing without momentum.' }),
  })
  .meta({ id: 'Sgd' });

export const AdagradSchema = z
  .strictObject({
    type: z.literal('adagrad'),
    learning_rate: learningRate(0.001),
    initial_accumulator_value: z
      .number()
      .gte(0)
      .lte(10)
      .default(0.1)
      .meta({ description: 'Initial value of each accumulator of squared gradients: 0 to 10.' }),
    epsilon,
  })
  .meta({ id: 'Adagrad' });

export const AdamSchema = z
  .strictObject({
    type: z.literal('adam'),
    learning_rate: learningRate(0.001),
    beta_1: fraction(0.9, 'Decay of the running mean of gradients: 0 to less than 1.'),
    beta_2: fraction(0.999, 'Decay of the running mean of squared gradients: 0 to less than 1.'),
    epsilon,
    amsgrad: z.boolean().default(false).meta({
      description: 'Divide by the largest mean square so far, so that the effective rate never grows again.',
    }),
  })
  .meta({ id: 'Adam' });

export const OptimizerSchema = z
  .discriminatedUnion('type', [RmspropSchema, SgdSchema, AdagradSchema, AdamSchema])
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

export const OptimizerTypeSchema = z
  .enum(['rmsprop', 'sgd', 'adagrad', 'adam'])
  .meta({ id: 'OptimizerType' }) satisfies z.ZodType<Optimizer['type']>;
