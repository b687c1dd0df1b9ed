import { z } from 'zod';

/**
 * The learning rate of a job: a number, or a schedule that gives one for each step, with the names, arguments and
 * defaults of keras.optimizers.schedules (3.15). The bounds are our own; the formulas are in
 * src/engine/learning-rates.ts. Steps count from 0, as Keras's do: the first step has the rate of step 0.
 */

const rate = (description: string) =>
  z
    .number()
    .gte(0)
    .lte(10)
    .meta({ description: `${description}: 0 to 10.` });

const steps = (description: string) =>
  z
    .int()
    .gte(1)
    .lte(1_000_000_000)
    .meta({ description: `${description}: 1 to 1,000,000,000.` });

const staircase = z
  .boolean()
  .default(false)
  .meta({ description: 'Whether step / decay_steps is rounded down, so that the rate falls at intervals.' });

const initial_learning_rate = rate('Rate of the first step');

const alpha = z
  .number()
  .gte(0)
  .lte(1)
  .default(0)
  .meta({ description: 'The lowest rate, as a share of the highest: 0 to 1.' });

export const ExponentialDecaySchema = z
  .strictObject({
    type: z.literal('exponential_decay'),
    initial_learning_rate,
    decay_steps: steps('Steps after which the rate is multiplied by decay_rate'),
    decay_rate: z.number().gt(0).lte(10).meta({ description: 'Factor: greater than 0, at most 10.' }),
    staircase,
  })
  .meta({
    id: 'ExponentialDecay',
    description: 'keras ExponentialDecay: initial_learning_rate * decay_rate ^ (step / decay_steps).',
  });

export const PiecewiseConstantDecaySchema = z
  .strictObject({
    type: z.literal('piecewise_constant_decay'),
    boundaries: z.array(z.int().gte(0).lte(1_000_000_000)).min(1).max(100).meta({
      description: 'The last step of each rate but the last one, ascending: 1 to 100 steps.',
    }),
    values: z
      .array(z.number().gte(0).lte(10))
      .min(2)
      .max(101)
      .meta({ description: 'The rates, one more than boundaries: each 0 to 10.' }),
  })
  .meta({
    id: 'PiecewiseConstantDecay',
    description:
      'keras PiecewiseConstantDecay: values[0] to step boundaries[0], then values[1] to boundaries[1], ...',
  });

export const PolynomialDecaySchema = z
  .strictObject({
    type: z.literal('polynomial_decay'),
    initial_learning_rate,
    decay_steps: steps('Steps until end_learning_rate'),
    end_learning_rate: rate('The lowest rate').default(0.0001),
    power: z
      .number()
      .gt(0)
      .lte(10)
      .default(1)
      .meta({ description: 'Exponent; 1 is a straight line: greater than 0, at most 10.' }),
    cycle: z.boolean().default(false).meta({
      description: 'Whether the rate rises again after decay_steps, to fall for as many steps from there.',
    }),
  })
  .meta({
    id: 'PolynomialDecay',
    description:
      'keras PolynomialDecay: (initial_learning_rate - end_learning_rate) * (1 - step / decay_steps) ^ power + end_learning_rate.',
  });

export const InverseTimeDecaySchema = z
  .strictObject({
    type: z.literal('inverse_time_decay'),
    initial_learning_rate,
    decay_steps: steps('Steps after which the divisor has grown by decay_rate'),
    decay_rate: z.number().gt(0).lte(1000).meta({ description: 'Greater than 0, at most 1000.' }),
    staircase,
  })
  .meta({
    id: 'InverseTimeDecay',
    description: 'keras InverseTimeDecay: initial_learning_rate / (1 + decay_rate * step / decay_steps).',
  });

export const CosineDecaySchema = z
  .strictObject({
    type: z.literal('cosine_decay'),
    initial_learning_rate,
    decay_steps: steps('Steps of the decay, after those of the warm-up'),
    alpha,
    warmup_target: rate('Rate at the end of the warm-up, where the decay begins; null = no warm-up')
      .nullable()
      .default(null),
    warmup_steps: z.int().gte(0).lte(1_000_000_000).default(0).meta({
      description:
        'Steps in which the rate rises in a straight line to warmup_target: 0 to 1,000,000,000. Without warmup_target it is not read.',
    }),
  })
  .meta({
    id: 'CosineDecay',
    description:
      'keras CosineDecay: half a cosine from initial_learning_rate, or from warmup_target, to alpha times that.',
  });

export const CosineDecayRestartsSchema = z
  .strictObject({
    type: z.literal('cosine_decay_restarts'),
    initial_learning_rate,
    first_decay_steps: steps('Steps of the first period'),
    t_mul: z
      .number()
      .gte(1)
      .lte(10)
      .default(2)
      .meta({ description: 'How many times as long each period is as the one before: 1 to 10.' }),
    m_mul: z
      .number()
      .gt(0)
      .lte(10)
      .default(1)
      .meta({ description: 'Factor of the first rate of each period: greater than 0, at most 10.' }),
    alpha,
  })
  .meta({
    id: 'CosineDecayRestarts',
    description:
      'keras CosineDecayRestarts: cosine decays, one after another, each from the highest rate on.',
  });

export const ScheduleSchema = z
  .discriminatedUnion('type', [
    ExponentialDecaySchema,
    PiecewiseConstantDecaySchema,
    PolynomialDecaySchema,
    InverseTimeDecaySchema,
    CosineDecaySchema,
    CosineDecayRestartsSchema,
  ])
  .meta({ id: 'Schedule', description: 'A learning rate for each step, which counts from 0.' });

/** A number is > 0, since a rate of 0 would train nothing. */
export const learningRateSchema = (value: number) =>
  z
    .union([z.number().gt(0).lte(10), ScheduleSchema])
    .default(value)
    .meta({
      description: 'Step size: greater than 0, at most 10; or a schedule, which gives one for each step.',
    });

export type Schedule = z.output<typeof ScheduleSchema>;
export type LearningRate = number | Schedule;

/** The number that stands for a learning rate where there is room for one: a schedule's highest rate to begin with. */
export function nominalRate(learningRate: LearningRate): number {
  if (typeof learningRate === 'number') return learningRate;
  switch (learningRate.type) {
    case 'piecewise_constant_decay':
      return learningRate.values[0]!;
    case 'cosine_decay':
      return learningRate.warmup_target ?? learningRate.initial_learning_rate;
    default:
      return learningRate.initial_learning_rate;
  }
}
