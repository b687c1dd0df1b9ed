import { describe, expect, it } from 'vitest';
import {
  NUMBER_LOSSES,
  numberLossBackward,
  numberLossForward,
} from '../../../src/engine/reference/number-loss.ts';

/**
 * Keras's mean_squared_error, mean_absolute_error and huber with delta 1 of one output, worked by hand: errors
 * 0.5, -0.25, 0, 3 and -1 of four rows and one.
 */
const TARGETS = Float32Array.of(1, 2, 3, 4, 5);
const OUTPUTS = Float32Array.of(1.5, 1.75, 3, 7, 4);
const ROWS = Uint32Array.of(0, 1, 2, 3, 4);

const EXPECTED = {
  // e * e; 2 e / 5
  mse: { losses: [0.25, 0.0625, 0, 9, 1], gradients: [0.2, -0.1, 0, 1.2, -0.4] },
  // |e|; sign(e) / 5
  mae: { losses: [0.5, 0.25, 0, 3, 1], gradients: [0.2, -0.2, 0, 0.2, -0.2] },
  // e * e / 2, or |e| - 1/2 beyond 1; e / 5, or sign(e) / 5
  huber: { losses: [0.125, 0.03125, 0, 2.5, 0.5], gradients: [0.1, -0.05, 0, 0.2, -0.2] },
};

describe.each(['mse', 'mae', 'huber'] as const)('%s', (name) => {
  const forward = (outputs: Float32Array) => {
    const [losses, errors] = [new Float32Array(5), new Float32Array(5)];
    numberLossForward(NUMBER_LOSSES[name], losses, errors, outputs, TARGETS, ROWS, 5);
    return { losses, errors };
  };

  it('is what Keras computes, and so is its gradient', () => {
    const { losses, errors } = forward(OUTPUTS);
    expect([...losses]).toEqual(EXPECTED[name].losses);
    const gradients = new Float32Array(5);
    numberLossBackward(NUMBER_LOSSES[name], gradients, errors, 5);
    expect([...gradients]).toEqual([...Float32Array.from(EXPECTED[name].gradients)]);
  });

  it('keeps NaN', () => {
    const { losses } = forward(Float32Array.of(Number.NaN, 1, 1, 1, 1));
    expect(losses[0]).toBeNaN();
  });
});
