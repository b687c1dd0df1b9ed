import { describe, expect, it } from 'vitest';
import { OptimizerSchema } from '../../src/contract/optimizer.ts';
import { modelLayout } from '../../src/engine/model-layout.ts';
import { penaltyOf } from '../../src/engine/penalty.ts';
import { fileOrder } from '../../src/engine/random.ts';
import { trainEpoch } from './engine-runs.ts';
import { OPTIMIZERS, smallProblem } from './small-problem.ts';
import { describeEach, ENGINES } from './tested-engines.ts';

/** l1 and l2, beside the comparison of bits. */

describe('penaltyOf', () => {
  it('is worked by hand: kernels count, biases do not', () => {
    const layout = modelLayout(2, [1], 2);
    // W1 = 1 -2, b1 = 7, W2 = 3 -0.5, b2 = 7 7: sum |w| = 6.5, sum w^2 = 14.25
    const weights = Float32Array.of(1, -2, 7, 3, -0.5, 7, 7);
    expect(penaltyOf(weights, { layout, l1: 0, l2: 0 })).toBe(0);
    expect(penaltyOf(weights, { layout, l1: 0.5, l2: 0 })).toBe(3.25);
    expect(penaltyOf(weights, { layout, l1: 0, l2: 0.5 })).toBe(7.125);
    expect(penaltyOf(weights, { layout, l1: 2, l2: 4 })).toBe(70);
  });
});

describeEach(ENGINES, (create) => {
  const sgd = OptimizerSchema.parse({ type: 'sgd', learning_rate: 1 });

  it('moves a weight by l1 times its sign and 2 l2 times itself, worked by hand, and a weight of 0 not', () => {
    // No input is lit, so that the kernel has no other gradient.
    const options = smallProblem({ hiddenUnits: [], optimizer: sgd, rows: 4, batchSize: 4, density: 0 });
    const engine = create({ ...options, l1: 0.25, l2: 0.125 });
    const state = engine.state();
    state.weights.fill(0);
    state.weights.set([1, -2, 0, -0]);
    engine.restore(state);
    engine.train(fileOrder(4), 0, Float64Array.of(1));
    // loss: log 5 for each row, and 0.25 * 3 + 0.125 * 5
    const { lossSum } = engine.endEpoch();
    expect(lossSum / 4).toBeCloseTo(Math.log(5) + 1.375, 6);
    // 1 - (0.25 + 0.25 * 1); -2 - (-0.25 + 0.25 * -2)
    expect([...engine.state().weights.subarray(0, 4)]).toEqual([0.5, -1.25, 0, -0]);
  });

  it('tells the penalty of its weights', () => {
    const options = smallProblem({ hiddenUnits: [17], optimizer: OPTIMIZERS.adam!, l1: 0.01, l2: 0.02 });
    const engine = create(options);
    trainEpoch(engine, options, 1);
    expect(engine.penalty()).toBe(penaltyOf(engine.state().weights, options));
    expect(engine.penalty()).toBeGreaterThan(0);
    expect(create({ ...options, l1: 0, l2: 0 }).penalty()).toBe(0);
  });
});
