import { describe, expect, it } from 'vitest';
import {
  createRule,
  expectClose,
  ONES,
  oneStep,
  optimizer,
  SMALL_THEN_LARGE,
  trajectory,
} from './trajectory.ts';

/**
 * The update rules worked out by hand. In tests marked "Keras", the first digits are from Keras's own published tests
 * (keras/src/optimizers/*_test.py); the remaining digits are ours, computed from the formulas.
 */

describe('rmsprop', () => {
  it('takes the first step on w^2 / 2 from w = 10', () => {
    // g = w = 10; v = 0.1 * 100 = 10; step = 0.1 * 10 / sqrt(10 + 1e-7) = 0.31622776
    expectClose(trajectory(optimizer({ type: 'rmsprop', learning_rate: 0.1 }), 10, [10]), [9.683772]);
  });

  it('takes one step (Keras)', () => {
    // v = 0.1 g^2, so step = 0.5 g / (sqrt(0.1) g) = 1.58113883 for any g (epsilon: less by up to 8e-7)
    const after = oneStep(optimizer({ type: 'rmsprop', learning_rate: 0.5 }));
    expectClose(after, [-0.581138, 0.418861, 1.418861, 2.418861]);
  });

  it('takes three steps', () => {
    // v = 0.1, 0.19, 0.271; step = 0.001 / sqrt(v) = 0.00316228, 0.00229416, 0.00192095
    const after = trajectory(optimizer({ type: 'rmsprop' }), 1, ONES);
    expectClose(after, [0.9968377, 0.9945436, 0.9926226]);
  });

  it('takes three steps with momentum', () => {
    // m = 0.00316228
    // m = 0.9 * 0.00316228 + 0.00229416 = 0.00514021
    // m = 0.9 * 0.00514021 + 0.00192095 = 0.00654714
    const after = trajectory(optimizer({ type: 'rmsprop', momentum: 0.9 }), 1, ONES);
    expectClose(after, [0.9968377, 0.9916975, 0.9851504]);
  });

  it('takes three centered steps', () => {
    // v = 0.1, 0.19, 0.271; a = 0.1, 0.19, 0.271; v - a^2 = 0.09, 0.1539, 0.197559
    // step = 0.001 / sqrt(v - a^2) = 0.00333333, 0.00254906, 0.00224984
    const after = trajectory(optimizer({ type: 'rmsprop', centered: true }), 1, ONES);
    expectClose(after, [0.9966667, 0.9941176, 0.9918678]);
  });

  it('takes centered steps after a small gradient (Keras)', () => {
    // v = 1e-5, a = 0.001: step = 1e-5 / sqrt(1e-5 - 1e-6 + 1e-7) = 0.00331497
    // v = 0.001009, a = 0.0109: step = 1e-4 / sqrt(0.001009 - 0.00011881 + 1e-7) = 0.00335146
    const after = trajectory(optimizer({ type: 'rmsprop', centered: true }), 1, SMALL_THEN_LARGE);
    expectClose(after, [0.996685, 0.9933336, 0.990765, 0.9884964, 0.9863728]);
  });

  it('takes centered steps with momentum', () => {
    // m = 0.00333333; 0.9 * 0.00333333 + 0.00254906 = 0.00554906; 0.9 * 0.00554906 + 0.00224984 = 0.007244
    const after = trajectory(optimizer({ type: 'rmsprop', centered: true, momentum: 0.9 }), 1, ONES);
    expectClose(after, [0.9966667, 0.9911176, 0.9838736]);
  });

  it('stays finite when rounding makes the variance of a steady gradient negative', () => {
    // With 5.5 the 136th v - a^2 is -1.9e-6, and epsilon only 1e-7.
    const steady = new Array<number>(200).fill(5.5);
    const after = trajectory(optimizer({ type: 'rmsprop', centered: true }), 1, steady);
    expect(after.every(Number.isFinite)).toBe(true);
  });

  it('settles skipped steps like updates with gradient 0', () => {
    const settings = optimizer({ type: 'rmsprop' });
    const skipped = createRule(settings, 1, 50);
    const updated = createRule(settings, 1, 50);
    const weights = Float32Array.of(1);
    for (const rule of [skipped, updated]) rule.update(weights, Float32Array.of(3), 0, 1, 1);
    for (let t = 0; t < 40; t += 1) updated.update(weights, Float32Array.of(0), 0, 1, 1);
    skipped.settle(0, 1, 40);
    const [v, expected] = [skipped.slots[0].values[0], updated.slots[0].values[0]];
    expect(Math.abs(v / expected - 1)).toBeLessThan(40 * 2 ** -23);
    expect(expected).toBeGreaterThan(0);
  });

  it('uses 0 rather than a denormal factor for a long gap', () => {
    // 0.5^126 = 2^-126 is the smallest normal float32.
    const settle = (elapsed: number) => {
      const rule = createRule(optimizer({ type: 'rmsprop', rho: 0.5 }), 1, 200);
      rule.slots[0].values[0] = 1;
      rule.settle(0, 1, elapsed);
      return rule.slots[0].values[0];
    };
    expect(settle(126)).toBe(2 ** -126);
    expect(settle(127)).toBe(0);
  });
});

describe('sgd', () => {
  it('takes one step (Keras)', () => {
    // w - 0.5 g
    expectClose(oneStep(optimizer({ type: 'sgd', learning_rate: 0.5 })), [0.5, -1, -0.5, 3]);
  });

  it('takes three steps with momentum', () => {
    // m = -0.01; 0.9 * -0.01 - 0.01 = -0.019; 0.9 * -0.019 - 0.01 = -0.0271
    expectClose(trajectory(optimizer({ type: 'sgd', momentum: 0.9 }), 1, ONES), [0.99, 0.971, 0.9439]);
  });
});

describe('sgd with nesterov', () => {
  it('takes three steps', () => {
    // m as above; w moves by 0.9 m - 0.01 = -0.019, -0.0271, -0.03439
    const after = trajectory(optimizer({ type: 'sgd', momentum: 0.9, nesterov: true }), 1, ONES);
    expectClose(after, [0.981, 0.9539, 0.91951]);
  });

  it('is plain sgd without momentum', () => {
    const plain = trajectory(optimizer({ type: 'sgd' }), 1, ONES);
    expect(trajectory(optimizer({ type: 'sgd', nesterov: true }), 1, ONES)).toEqual(plain);
  });
});

describe('adagrad', () => {
  it('takes one step (Keras)', () => {
    // c = 0.1 + g^2 = 1.1, 36.1, 49.1, 4.1; step = 0.5 g / sqrt(c)
    //   = 0.5 / 1.04880885, 3 / 6.00832755, 3.5 / 7.00713922, 1 / 2.02484567
    const after = oneStep(optimizer({ type: 'adagrad', learning_rate: 0.5 }));
    expectClose(after, [0.5232687, 1.500693, 2.5005094, 3.5061352]);
  });

  it('takes steps after a small gradient (Keras)', () => {
    // c = 0.3001, 0.3101, 0.3201, 0.3301, 0.3401
    // step = 0.2 * 0.01 / sqrt(0.3001 + 1e-6) = 0.00365087; 0.2 * 0.1 / sqrt(0.3101 + 1e-6) = 0.0359152; ...
    const settings = { learning_rate: 0.2, initial_accumulator_value: 0.3, epsilon: 1e-6 };
    const after = trajectory(optimizer({ type: 'adagrad', ...settings }), 1, SMALL_THEN_LARGE);
    expectClose(after, [0.9963491, 0.9604339, 0.9250842, 0.890274, 0.8559793]);
  });

  it('takes three steps', () => {
    // c = 1.1, 2.1, 3.1; step = 0.001 / sqrt(c) = 0.00095346, 0.00069007, 0.00056796
    expectClose(trajectory(optimizer({ type: 'adagrad' }), 1, ONES), [0.9990465, 0.9983565, 0.9977885]);
  });
});

describe('adam', () => {
  it('takes one step (Keras)', () => {
    // m = 0.1 g, v = 0.001 g^2, alpha = 0.5 * sqrt(0.001) / 0.1: step = 0.5 g / (g + 1e-7 / sqrt(0.001))
    //   = 0.5 / (1 + 3.1623e-6 / g) = 0.4999984 for g = 1, 0.4999997 for 6 and 7, 0.4999992 for 2
    const after = oneStep(optimizer({ type: 'adam', learning_rate: 0.5 }));
    expectClose(after, [0.5000016, 1.5000003, 2.5000002, 3.5000008]);
  });

  it('takes three steps', () => {
    // Steady gradients: m / (1 - beta_1^t) = g and v / (1 - beta_2^t) = g^2, so each step is 0.001
    expectClose(trajectory(optimizer({ type: 'adam' }), 1, ONES), [0.999, 0.998, 0.997]);
  });

  it('takes steps after a small gradient', () => {
    // t = 2: m = 0.9 * 0.001 + 0.01 = 0.0109, v = 0.999 * 1e-7 + 1e-5 = 1.00999e-5,
    //        alpha = 0.001 * sqrt(0.001999) / 0.19 = 2.353177e-4, step = alpha m / sqrt(v) = 0.00080707
    const after = trajectory(optimizer({ type: 'adam' }), 1, SMALL_THEN_LARGE);
    expectClose(after, [0.9990003, 0.9981933, 0.9973004, 0.9963678, 0.9954125]);
  });

  it('takes amsgrad steps after a small gradient (Keras, within 5e-4)', () => {
    // While v grows, amsgrad equals adam: the digits above.
    const after = trajectory(optimizer({ type: 'adam', amsgrad: true }), 1, SMALL_THEN_LARGE);
    expectClose(after, [0.9990003, 0.9981933, 0.9973004, 0.9963678, 0.9954125]);
  });

  it('divides by the largest v after a large gradient, with amsgrad', () => {
    // beta_2 = 0.5, g = 1, 0: v = 0.5, 0.25, the largest 0.5; m = 0.1, 0.09
    // t = 2: alpha = 0.001 * sqrt(0.75) / 0.19 = 0.00455803, step = 0.09 alpha / sqrt(0.5) = 0.00058014
    const settings = { type: 'adam', beta_2: 0.5, amsgrad: true } as const;
    expectClose(trajectory(optimizer(settings), 1, [1, 0]), [0.999, 0.9984199]);
    // Plain adam divides by sqrt(0.25): 0.00082045
    expectClose(trajectory(optimizer({ ...settings, amsgrad: false }), 1, [1, 0]), [0.999, 0.9981796]);
  });
});
