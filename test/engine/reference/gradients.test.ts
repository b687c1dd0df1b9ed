import { describe, expect, it } from 'vitest';
import type { Activation } from '../../../src/contract/activation.ts';
import type { Loss } from '../../../src/contract/loss.ts';
import { OptimizerSchema } from '../../../src/contract/optimizer.ts';
import { fileOrder } from '../../../src/engine/random.ts';
import { createReferenceEngine } from '../../../src/engine/reference/reference.ts';
import { float64Loss } from '../float64-twin.ts';
import { ACTIVATIONS, type SmallProblem, smallProblem } from '../small-problem.ts';

/** A rate so large that one step of sgd leaves weights that are almost purely the scaled gradient. */
const RATE = 2 ** 24;

const BATCH = [0, 1, 2, 3, 4, 5, 6];

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z));

/** As their authors write them. */
const FORMULAS: { readonly [Name in Activation]: (z: number) => number } = {
  relu: (z) => Math.max(z, 0),
  tanh: Math.tanh,
  sigmoid,
  leaky_relu: (z) => Math.max(z, 0.2 * z),
  elu: (z) => (z > 0 ? z : Math.expm1(z)),
  selu: (z) => 1.0507009873554805 * (z > 0 ? z : 1.6732632423543772 * Math.expm1(z)),
  gelu_tanh: (z) => 0.5 * z * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3))),
  silu: (z) => z * sigmoid(z),
  softplus: (z) => Math.log1p(Math.exp(z)),
  linear: (z) => z,
};

/** The engine's gradient of the mean loss of one batch, derived from one step of sgd, and the weights before it. */
function engineGradient(
  hiddenUnits: readonly number[],
  density: number,
  activation: Activation,
  loss: Loss,
  more: Partial<SmallProblem> = {},
) {
  const rows = BATCH.length;
  const options = smallProblem({
    hiddenUnits,
    optimizer: OptimizerSchema.parse({ type: 'sgd' }),
    rows,
    batchSize: rows,
    density,
    activation,
    loss,
    storage: loss === 'categorical_crossentropy' ? 'u8' : 'f32',
    ...more,
  });
  const engine = createReferenceEngine(options);
  const before = engine.state().weights;
  engine.train(fileOrder(rows), 0, Float64Array.of(RATE));
  const { lossSum } = engine.endEpoch();
  const after = engine.state().weights;
  const gradient = Array.from(before, (w, k) => (w - after[k]) / RATE);
  return { options, before, gradient, loss: lossSum / rows };
}

/** Compares a gradient with finite differences in float64. */
function expectGradient(
  { options, before, gradient, loss }: ReturnType<typeof engineGradient>,
  activation: (z: number) => number,
): void {
  const weights = Float64Array.from(before);
  const lossAt = (k: number, weight: number) => {
    weights[k] = weight;
    const result = float64Loss(weights, options, BATCH, activation);
    weights[k] = before[k];
    return result;
  };
  expect(Math.abs(loss - lossAt(0, before[0]))).toBeLessThan(1e-6);

  const h = 1e-5;
  let largest = 0;
  gradient.forEach((g, k) => {
    const difference = (lossAt(k, before[k] + h) - lossAt(k, before[k] - h)) / (2 * h);
    expect(Math.abs(g - difference), `parameter ${k}`).toBeLessThan(1e-6);
    largest = Math.max(largest, Math.abs(g));
  });
  // Otherwise the test would only have compared zeros.
  expect(largest).toBeGreaterThan(0.01);
}

describe.each([
  ['no hidden layer', []],
  ['one hidden layer', [7]],
  ['a hidden layer of one unit', [1]],
  ['two hidden layers', [9, 6]],
  ['three hidden layers', [8, 7, 6]],
])('the gradient with %s', (_, hiddenUnits) => {
  it.each([
    [0.2, 'relu', 'categorical_crossentropy'],
    [1, 'relu', 'categorical_crossentropy'],
    [0.5, 'tanh', 'mse'],
    [0.5, 'relu', 'mae'],
    [0.5, 'tanh', 'huber'],
    [0.5, 'silu', 'mse'],
    ...ACTIVATIONS.map((activation) => [0.5, activation, 'categorical_crossentropy'] as const),
  ] as const)(
    'agrees with finite differences in float64 when %s of the inputs are not 0, with %s and %s',
    (density, activation, lossName) => {
      expectGradient(engineGradient(hiddenUnits, density, activation, lossName), FORMULAS[activation]);
    },
  );

  it.each([
    ['label smoothing', { labelSmoothing: 0.2 }],
    ['class weights', { classWeights: Float32Array.of(2, 0.5, 0, 1, 3) }],
    ['both', { labelSmoothing: 0.1, classWeights: Float32Array.of(2, 0.5, 0, 1, 3) }],
    ['l2', { l2: 0.02 }],
    ['l1 and l2', { l1: 0.01, l2: 0.02 }],
  ] as const)('agrees with finite differences in float64 with %s', (_name, more) => {
    expectGradient(engineGradient(hiddenUnits, 0.5, 'tanh', 'categorical_crossentropy', more), FORMULAS.tanh);
  });
});
