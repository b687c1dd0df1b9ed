import { describe, expect, it } from 'vitest';
import { OptimizerSchema } from '../../../src/contract/optimizer.ts';
import { modelLayout } from '../../../src/engine/model-layout.ts';
import { fileOrder } from '../../../src/engine/random.ts';
import { clipGradients, decayWeights } from '../../../src/engine/reference/clipping.ts';
import { bits } from '../engine-runs.ts';
import { smallProblem } from '../small-problem.ts';
import { describeEach, ENGINES } from '../tested-engines.ts';

/** A kernel (2, 2) of norm 5 and a bias (2) of norm 12: 13 together. */
const layout = modelLayout(2, [], 2);
const GRADIENTS = [3, 0, 0, -4, 0, 12];

function clipped(options: object, gradients = GRADIENTS): { values: number[]; finite: boolean } {
  const values = Float32Array.from(gradients);
  const finite = clipGradients(values, layout, OptimizerSchema.parse({ type: 'sgd', ...options }));
  return { values: [...values], finite };
}

const rounded = (values: number[]) => values.map(Math.fround);

describe('clipping', () => {
  it('by value cuts each entry', () => {
    expect(clipped({ clipvalue: 3.5 }).values).toEqual([3, 0, 0, -3.5, 0, 3.5]);
  });

  it('by norm scales the kernel and the bias apart', () => {
    // 6 / 12
    expect(clipped({ clipnorm: 6 }).values).toEqual([3, 0, 0, -4, 0, 6]);
    // 1 / 5 and 1 / 12
    expect(clipped({ clipnorm: 1 }).values).toEqual(
      rounded([3 * Math.fround(0.2), 0, 0, -4 * Math.fround(0.2), 0, 12 * Math.fround(1 / 12)]),
    );
  });

  it('by the norm of all scales them together', () => {
    // 6.5 / 13
    expect(clipped({ global_clipnorm: 6.5 }).values).toEqual([1.5, 0, 0, -2, 0, 6]);
  });

  it('leaves what is short enough as it is, to the bit', () => {
    for (const options of [{}, { clipvalue: 12 }, { clipnorm: 12 }, { global_clipnorm: 13 }]) {
      expect(clipped(options, [3, -0, 0, -4, 1e-42, 11])).toEqual({
        values: rounded([3, -0, 0, -4, 1e-42, 11]),
        finite: true,
      });
    }
  });

  it('does not divide by a norm of 0', () => {
    for (const name of ['clipnorm', 'global_clipnorm']) {
      expect(clipped({ [name]: 1 }, [0, 0, 0, 0, 0, 0]).values).toEqual([0, 0, 0, 0, 0, 0]);
    }
  });

  it.each([Number.NaN, Infinity])('refuses the norm of %s and changes nothing', (value) => {
    for (const name of ['clipnorm', 'global_clipnorm']) {
      const gradients = [3, 0, 0, -4, value, 12];
      expect(clipped({ [name]: 1 }, gradients)).toEqual({ values: gradients, finite: false });
    }
    expect(clipped({ clipvalue: 1 }, [3, value, 0, 0, 0, 0]).values[1]).toBe(Number.isNaN(value) ? value : 1);
  });

  it('does not overflow, since squares are summed in float64', () => {
    expect(clipped({ global_clipnorm: 5 }, [3e38, 0, 0, 0, 0, -3e38]).values[0]).toBeCloseTo(3.5355, 4);
  });
});

describe('the decay of weights', () => {
  it('takes the share times the rate of each', () => {
    const weights = Float32Array.of(1, -2, 0, -0);
    decayWeights(weights, 0.5, 0.25);
    // -0 - (-0) = +0
    expect([...weights]).toEqual([0.875, -1.75, 0, 0]);
  });

  it('is none with 0, which becomes null', () => {
    for (const type of ['sgd', 'adamw', 'rmsprop']) {
      expect(OptimizerSchema.parse({ type, weight_decay: 0 }).weight_decay).toBeNull();
      expect(OptimizerSchema.parse({ type, weight_decay: -0 }).weight_decay).toBeNull();
    }
  });
});

describeEach(ENGINES, (create) => {
  describe('a norm that is not finite', () => {
    it.each(['clipnorm', 'global_clipnorm'])('stops before the step, which changes no weight: %s', (name) => {
      // The inputs are huge and the last weights tiny, so that a gradient overflows and the loss does not.
      const optimizer = OptimizerSchema.parse({ type: 'adamw', [name]: 1 });
      const options = smallProblem({
        hiddenUnits: [3],
        optimizer,
        loss: 'mse',
        storage: 'f32',
        rows: 8,
        density: 1,
      });
      const values = Float32Array.from(options.values, (value) => Math.abs(value) * 1e30);
      const engine = create({
        ...options,
        values,
        source: {
          storage: 'f32',
          readValues: (into, from) => into.set(values.subarray(from * 23, from * 23 + into.length)),
        },
      } as typeof options);
      const state = engine.state();
      const { weightsOffset } = options.layout.layers[1]!;
      state.weights.fill(0.1, 0, weightsOffset);
      state.weights.fill(1e-15, weightsOffset, weightsOffset + 3);
      engine.restore(state);
      expect(engine.train(fileOrder(8), 0, Float64Array.of(0.001))).toBe(0);
      // The weights predict what they did before.
      const untouched = create({ ...options, optimizer: OptimizerSchema.parse({ type: 'sgd' }) });
      untouched.restore({ ...state, slots: [], powers: [] });
      const predictions = [engine, untouched].map(
        (each) => each.predict(values, options.targets, 0, 8).outputs,
      );
      expect(bits(predictions[0]!).equals(bits(predictions[1]!))).toBe(true);
    });
  });

  it('weights move by the clipped gradient', () => {
    const problem = (options: object) =>
      smallProblem({
        hiddenUnits: [7],
        optimizer: OptimizerSchema.parse({ type: 'sgd', ...options }),
        rows: 8,
      });
    const after = (options: object) => {
      const engine = create(problem(options));
      const { weights: before } = engine.state();
      engine.train(fileOrder(8), 0, Float64Array.of(1));
      engine.endEpoch();
      const { weights } = engine.state();
      return { before, weights, moves: weights.map((w, k) => w - before[k]) };
    };
    const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
    const free = after({});
    expect(norm(free.moves)).toBeGreaterThan(0.1);
    expect(norm(after({ global_clipnorm: 0.1 }).moves)).toBeCloseTo(0.1, 6);
    expect(bits(after({ global_clipnorm: 1000 }).weights).equals(bits(free.weights))).toBe(true);
    expect(bits(after({ clipnorm: 1000 }).weights).equals(bits(free.weights))).toBe(true);
    expect(bits(after({ clipvalue: 1000 }).weights).equals(bits(free.weights))).toBe(true);
    expect(Math.max(...after({ clipvalue: 0.01 }).moves.map(Math.abs))).toBeCloseTo(0.01, 6);
    const decayed = after({ weight_decay: 0.5 });
    decayed.weights.forEach((w, k) => {
      expect(w).toBeCloseTo(0.5 * free.before[k] + free.moves[k], 6);
    });
  });
});
