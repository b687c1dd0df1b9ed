import { describe, expect, it } from 'vitest';
import type { Loss } from '../../../src/contract/loss.ts';
import { OptimizerSchema } from '../../../src/contract/optimizer.ts';
import { fileOrder } from '../../../src/engine/random.ts';
import { createReferenceEngine } from '../../../src/engine/reference/reference.ts';
import { float64Loss } from '../float64-twin.ts';
import { smallProblem } from '../small-problem.ts';

/** A rate so large that one step of sgd leaves weights that are almost purely the scaled gradient. */
const RATE = 2 ** 24;

const BATCH = [0, 1, 2, 3, 4, 5, 6];

const ACTIVATIONS = {
  relu: (z: number) => Math.max(z, 0),
  tanh: Math.tanh,
  sigmoid: (z: number) => 1 / (1 + Math.exp(-z)),
};

/** The engine's gradient of the mean loss of one batch, derived from one step of sgd, and the weights before it. */
function engineGradient(
  hiddenUnits: readonly number[],
  density: number,
  activation: keyof typeof ACTIVATIONS,
  loss: Loss,
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
  });
  const engine = createReferenceEngine(options);
  const before = engine.state().weights;
  engine.train(fileOrder(rows), 0, Float64Array.of(RATE));
  const { lossSum } = engine.endEpoch();
  const after = engine.state().weights;
  const gradient = Array.from(before, (w, k) => (w - after[k]) / RATE);
  return { options, before, gradient, loss: lossSum / rows };
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
    [0.5, 'tanh', 'categorical_crossentropy'],
    [0.5, 'sigmoid', 'categorical_crossentropy'],
    [0.5, 'tanh', 'mse'],
    [0.5, 'relu', 'mae'],
    [0.5, 'tanh', 'huber'],
  ] as const)(
    'agrees with finite differences in float64 when %s of the inputs are not 0, with %s and %s',
    (density, activation, lossName) => {
      const { options, before, gradient, loss } = engineGradient(hiddenUnits, density, activation, lossName);
      const weights = Float64Array.from(before);
      const lossAt = (k: number, weight: number) => {
        weights[k] = weight;
        const result = float64Loss(weights, options, BATCH, ACTIVATIONS[activation]);
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
    },
  );
});
