import { nominalRate } from '../../contract/learning-rate.ts';
import type { Optimizer } from '../../contract/optimizer.ts';
import { initialSlotValue, powerCount, slotNames, unknown } from '../optimizer-state.ts';
import type { TensorFlow, TfOptimizer, Variable } from './tensorflow-module.ts';

/**
 * TensorFlow.js's own optimizers (tf.train), with access to their state. The training loop is synchronous but their
 * getWeights() and setWeights() are not, so this code uses the underlying fields directly (tfjs-core/src/optimizers,
 * 4.22.0).
 *
 * Options that tensorflowLacks() lists are refused earlier.
 */
export interface TensorFlowOptimizer {
  readonly optimizer: TfOptimizer;
  /** In the order of slotNames(). `variables`: one per weight variable, with its shape. */
  readonly slots: readonly { readonly name: string; readonly variables: readonly Variable[] }[];
  /** The running products after t steps, as the other engines keep them; otherwise empty. */
  readonly powers: Float64Array;
  /** Called once before the applyGradients() of each step, with its learning rate. */
  beginStep(rate: number): void;
}

/** weights: the variables to train, in the order in which applyGradients() gets their gradients. */
export function createTensorFlowOptimizer(
  { core }: TensorFlow,
  options: Optimizer,
  weights: readonly Variable[],
): TensorFlowOptimizer {
  const optimizer = construct(core.train, options);
  // TypeScript declares these fields private.
  const fields = optimizer as unknown as Record<string, unknown>;
  const slots = slotNames(options).map((name) => {
    // Created now, as setWeights() does, rather than at the first step, so that they can be read and set before it.
    const variables = weights.map(({ shape }) =>
      core.tidy(() => core.fill(shape, initialSlotValue(options)).variable(false)),
    );
    fields[fieldOf(options, name)] = variables.map((variable, w) => ({
      originalName: `${weights[w].name}/${name}`,
      variable,
    }));
    return { name, variables };
  });
  const powers = new Float64Array(powerCount(options)).fill(1);
  for (const power of [fields.accBeta1, fields.accBeta2] as (Variable | undefined)[]) {
    if (power !== undefined) core.tidy(() => power.assign(core.scalar(0)));
  }
  return {
    optimizer,
    slots,
    powers,
    beginStep(rate) {
      if (options.type === 'adamax') {
        powers[0] *= options.beta_1;
        fields.learningRate = rate / (1 - powers[0]);
        return;
      }
      if (options.type !== 'adam' && options.type !== 'adamw') {
        setRate(optimizer, rate);
        return;
      }
      // tfjs keeps its powers in float32, where 1 - beta_2^t has few digits left while beta_2 is near 1. It also adds
      // epsilon to the root AFTER correcting the bias of v; Keras (like Kingma's efficient form) adds it before. With
      // powers of 0 tfjs corrects nothing, which leaves Keras's formula with alpha as the learning rate.
      powers[0] *= options.beta_1;
      powers[1] *= options.beta_2;
      fields.learningRate = (rate * Math.sqrt(1 - powers[1])) / (1 - powers[0]);
    },
  };
}

/** sgd keeps the rate as a tensor; the others read their field at each step. */
function setRate(optimizer: TfOptimizer, rate: number): void {
  const rated = optimizer as unknown as { learningRate: number; setLearningRate?: (rate: number) => void };
  if (rated.learningRate === rate) return;
  if (rated.setLearningRate !== undefined) rated.setLearningRate(rate);
  else rated.learningRate = rate;
}

function construct(train: TensorFlow['core']['train'], options: Optimizer): TfOptimizer {
  const rate = nominalRate(options.learning_rate);
  switch (options.type) {
    case 'rmsprop':
      return train.rmsprop(rate, options.rho, options.momentum, options.epsilon);
    case 'sgd':
      return options.momentum > 0
        ? train.momentum(rate, options.momentum, options.nesterov)
        : train.sgd(rate);
    case 'adagrad':
      return train.adagrad(rate, options.initial_accumulator_value);
    case 'adam':
    case 'adamw':
      return train.adam(rate, options.beta_1, options.beta_2, options.epsilon);
    case 'adamax':
      return train.adamax(rate, options.beta_1, options.beta_2, options.epsilon);
    case 'nadam':
    case 'adadelta':
    case 'lion':
      throw new Error(`the engine tensorflow has no ${options.type}`);
    default:
      return unknown(options);
  }
}

/** The tfjs field of each slot. Its momentum of sgd is ours divided by -learning_rate; no other engine reads it. */
const FIELDS: { readonly [Type in Optimizer['type']]: Readonly<Record<string, string>> } = {
  rmsprop: { mean_square: 'accumulatedMeanSquares', momentum: 'accumulatedMoments' },
  sgd: { momentum: 'accumulations' },
  adagrad: { accumulator: 'accumulatedGrads' },
  adam: { first_moment: 'accumulatedFirstMoment', second_moment: 'accumulatedSecondMoment' },
  adamw: { first_moment: 'accumulatedFirstMoment', second_moment: 'accumulatedSecondMoment' },
  adamax: { first_moment: 'accumulatedFirstMoment', infinity_norm: 'accumulatedWeightedInfNorm' },
  nadam: {},
  adadelta: {},
  lion: {},
};

function fieldOf({ type }: Optimizer, slot: string): string {
  const field = FIELDS[type][slot];
  if (field === undefined) throw new Error(`TensorFlow.js has no ${slot} for ${type}`);
  return field;
}
