import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Optimizer, OptimizerSchema } from '../../src/contract/optimizer.ts';
import { newValues, type Values } from '../../src/engine/engine.ts';
import { modelLayout } from '../../src/engine/model-layout.ts';
import { createReferenceEngine } from '../../src/engine/reference/reference.ts';
import { bits, changingRates, expectSameRun } from './engine-runs.ts';
import { rememberedReference } from './remembered-reference.ts';
import { ACTIVATIONS, type EngineProblem, OPTIMIZERS, smallProblem } from './small-problem.ts';
import { describeEach, KERNEL_ENGINES } from './tested-engines.ts';

/** Every kernel gives the bits of the reference engine for every job. */

const rmsprop = OPTIMIZERS.rmsprop!;

const NUMBER_LOSSES = ['mse', 'mae', 'huber'] as const;

/** From nearly empty rows to rows without a 0. */
const DENSITIES = [0.005, 0.2, 0.5, 1];

const LAYERS = [
  [],
  [1],
  [3],
  [31],
  [32],
  [33],
  [128],
  [33, 31],
  [3, 1, 32],
  [17, 16, 15],
  [4, 3, 2, 1, 2, 3, 4, 5],
];

/** Hyper-parameters at the ends of their ranges, where a branch or a rounding may differ. */
const EXTREME: readonly Optimizer[] = [
  { type: 'rmsprop', rho: 0 },
  { type: 'rmsprop', rho: 1e-39 },
  { type: 'rmsprop', rho: 0.3, epsilon: 1 },
  { type: 'rmsprop', rho: 0.999999 },
  { type: 'rmsprop', momentum: 1e-30 },
  { type: 'rmsprop', centered: true, rho: 0, epsilon: 1e-12 },
  { type: 'rmsprop', centered: true, momentum: 0.99 },
  { type: 'sgd', learning_rate: 1 },
  { type: 'sgd', momentum: 1e-40 },
  { type: 'adagrad', initial_accumulator_value: 0 },
  { type: 'adagrad', initial_accumulator_value: 10, epsilon: 1 },
  { type: 'adam', beta_1: 0, beta_2: 0 },
  { type: 'adam', beta_1: 0.999999, beta_2: 0.9, epsilon: 1e-3 },
].map((optimizer) => OptimizerSchema.parse(optimizer));

describeEach(KERNEL_ENGINES, (create) => {
  const expectReferenceBits = (options: EngineProblem, epochs: number): void => {
    expectSameRun(create(options), rememberedReference(options), options, epochs);
  };

  describe('the bits of the reference engine', () => {
    it.each(Object.entries(OPTIMIZERS))(
      'are reproduced with %s, for all layer sizes, sparse and dense',
      (_, optimizer) => {
        for (const hiddenUnits of LAYERS) {
          for (const density of [0.02, 0.2, 1]) {
            expectReferenceBits(smallProblem({ hiddenUnits, optimizer, density }), 2);
          }
        }
      },
    );

    it.each(EXTREME.map((optimizer) => [JSON.stringify(optimizer), optimizer] as const))(
      'are reproduced with %s',
      (_, optimizer) => {
        expectReferenceBits(
          smallProblem({ hiddenUnits: [17, 5], optimizer, density: 0.05, batchSize: 2 }),
          4,
        );
      },
    );

    it.each(Object.entries(OPTIMIZERS))('are reproduced with %s on float32 values', (_, optimizer) => {
      for (const hiddenUnits of [[], [33], [17, 16, 15]]) {
        for (const density of DENSITIES) {
          expectReferenceBits(smallProblem({ hiddenUnits, optimizer, density, storage: 'f32' }), 2);
        }
      }
    });

    it.each(NUMBER_LOSSES)('are reproduced with %s, on bytes and on float32 values', (loss) => {
      for (const optimizer of Object.values(OPTIMIZERS)) {
        for (const hiddenUnits of [[], [33], [17, 16, 15]]) {
          for (const storage of ['u8', 'f32'] as const) {
            expectReferenceBits(smallProblem({ hiddenUnits, optimizer, loss, storage, density: 0.5 }), 2);
          }
        }
      }
    });

    it.each(Object.entries(OPTIMIZERS))(
      'are reproduced with %s and another rate at each step',
      (_, optimizer) => {
        const options = smallProblem({ hiddenUnits: [17, 5], optimizer });
        const [engine, reference] = [create(options), createReferenceEngine(options)];
        expectSameRun(engine, reference, options, 3, (epoch) => changingRates(epoch, 7));
      },
    );

    it.each([2, 16, 17, 256, 1000])('are reproduced with %i classes', (classes) => {
      const targets = Uint16Array.from({ length: 53 }, (_, row) => (row * 37) % classes);
      for (const hiddenUnits of [[], [33]]) {
        const problem = smallProblem({ hiddenUnits, optimizer: rmsprop, classes });
        expectReferenceBits({ ...problem, targets }, 2);
      }
    });

    it.each([1, 95, 96, 97, 191, 192, 193, 20_000])('are reproduced with %i inputs', (inputs) => {
      for (const storage of ['u8', 'f32'] as const) {
        const problem = smallProblem({ hiddenUnits: [70], optimizer: rmsprop, storage, rows: 9 });
        const values = newValues(storage, 9 * inputs).map((_, k) =>
          (k * 7919) % 5 === 0 ? (k % 255) + 1 : 0,
        );
        const source = {
          storage,
          readValues: (into: Values, from: number) =>
            into.set(values.subarray(from * inputs, from * inputs + into.length)),
        };
        const layout = modelLayout(inputs, [70], 5);
        expectReferenceBits({ ...problem, layout, values, source }, 2);
      }
    });

    it.each([
      [1, 5],
      [5, 5],
      [4, 5],
      [7, 30],
      [32, 33],
      [40, 20],
      [4096, 20],
    ])('are reproduced with batches of %i of %i rows', (batchSize, rows) => {
      for (const optimizer of Object.values(OPTIMIZERS)) {
        expectReferenceBits(smallProblem({ hiddenUnits: [6, 18], optimizer, batchSize, rows }), 2);
      }
    });

    it.each(ACTIVATIONS)('are reproduced with %s, with and without dropout', (activation) => {
      for (const hiddenUnits of LAYERS) {
        for (const dropout of [0, 1e-12, 0.3, 0.9]) {
          expectReferenceBits(smallProblem({ hiddenUnits, optimizer: rmsprop, activation, dropout }), 2);
        }
      }
    });

    it.each(ACTIVATIONS)(
      'are reproduced with %s on any storage, towards any loss, in any batch',
      (activation) => {
        for (const [storage, loss] of [
          ['u8', 'categorical_crossentropy'],
          ['f32', 'categorical_crossentropy'],
          ['f32', 'mse'],
          ['f32', 'huber'],
        ] as const) {
          for (const batchSize of [1, 7, 100]) {
            for (const optimizer of [rmsprop, OPTIMIZERS['adam amsgrad']!]) {
              const problem = { hiddenUnits: [33, 17], optimizer, activation, storage, loss, batchSize };
              expectReferenceBits(smallProblem({ ...problem, density: 0.5, dropout: 0.2 }), 2);
            }
          }
        }
      },
    );

    it.each([0.001, 0.1, 1])(
      'are reproduced with a label smoothing of %f and class weights',
      (labelSmoothing) => {
        for (const classes of [5, 17, 40]) {
          for (const weighted of [false, true]) {
            const classWeights = weighted ? Float32Array.from({ length: classes }, (_, c) => c / 3) : null;
            for (const hiddenUnits of [[], [33]]) {
              for (const batchSize of [1, 8, 100]) {
                const options = { hiddenUnits, optimizer: rmsprop, classes, labelSmoothing, classWeights };
                expectReferenceBits(smallProblem({ ...options, batchSize }), 2);
              }
            }
          }
        }
      },
    );

    it.each([
      [0.01, 0],
      [0, 0.01],
      [1e-4, 1e-3],
    ])('are reproduced with l1 %f and l2 %f, with every optimizer', (l1, l2) => {
      for (const optimizer of Object.values(OPTIMIZERS)) {
        for (const hiddenUnits of [[], [33], [17, 16, 15]]) {
          for (const density of [0.02, 0.5]) {
            expectReferenceBits(smallProblem({ hiddenUnits, optimizer, density, l1, l2, dropout: 0.1 }), 2);
          }
        }
        const number = { hiddenUnits: [18], optimizer, loss: 'mse', storage: 'f32', l1, l2 } as const;
        expectReferenceBits(smallProblem({ ...number, batchSize: 7 }), 2);
      }
    });

    it.each(ACTIVATIONS)('are reproduced with %s of sums of all sizes', (activation) => {
      // Weights up to 1000, so that exponentials overflow, underflow and are denormal.
      const problem = smallProblem({ hiddenUnits: [40, 20], optimizer: rmsprop, activation, storage: 'f32' });
      const [engine, reference] = [create(problem), createReferenceEngine(problem)];
      const state = reference.state();
      state.weights.forEach((weight, k) => {
        state.weights[k] = weight * 10 ** ((k % 13) - 9.5);
      });
      for (const each of [engine, reference]) each.restore(state);
      expectSameRun(engine, reference, problem, 2);
    });

    it('are reproduced with full batches of 4096 rows, all pixels lit', () => {
      const options = smallProblem({
        hiddenUnits: [3],
        optimizer: rmsprop,
        batchSize: 4096,
        rows: 8195,
        density: 1,
      });
      expectReferenceBits(options, 2);
    });

    it('are reproduced with steady gradients, whose variance becomes negative by rounding', () => {
      const optimizer = OptimizerSchema.parse({
        type: 'rmsprop',
        centered: true,
        rho: 0.5,
        learning_rate: 1e-20,
        epsilon: 1e-30,
      });
      // Every step trains all rows, and changes no weight.
      expectReferenceBits(smallProblem({ hiddenUnits: [17], optimizer, rows: 8 }), 60);
    });

    it('are reproduced with gaps so long that the decay becomes 0', () => {
      const optimizer = OptimizerSchema.parse({ type: 'rmsprop', rho: 0.3 });
      expectReferenceBits(
        smallProblem({ hiddenUnits: [5], optimizer, rows: 150, batchSize: 1, density: 0.01 }),
        2,
      );
    });

    it.each([
      { type: 'rmsprop', rho: 0.3 },
      { type: 'rmsprop', rho: 0.3, centered: true, momentum: 0.3 },
      { type: 'sgd', momentum: 0.3 },
      { type: 'adam', beta_1: 0.3, beta_2: 0.3 },
    ])('are reproduced where slots fade away, none of them denormal: %o', (options) => {
      const optimizer = OptimizerSchema.parse({ ...options, learning_rate: 1e-12 });
      const problem = smallProblem({ hiddenUnits: [5], optimizer, rows: 150, batchSize: 1, density: 0.01 });
      const [engine, reference] = [create(problem), createReferenceEngine(problem)];
      expectSameRun(engine, reference, problem, 3);
      const values = engine.state().slots.flatMap((slot) => [...slot.values]);
      expect(values.filter((value) => Math.abs(value) < 2 ** -126 && !Object.is(value, 0))).toEqual([]);
      expect(values.filter((value) => value !== 0).length).toBeGreaterThan(0);
    });

    it('are reproduced for random jobs', () => {
      const problem = fc.record({
        hiddenUnits: fc.array(fc.integer({ min: 1, max: 70 }), { maxLength: 8 }),
        optimizer: fc.constantFrom(...Object.values(OPTIMIZERS), ...EXTREME),
        rows: fc.integer({ min: 1, max: 90 }),
        batchSize: fc.integer({ min: 1, max: 100 }),
        density: fc.double({ min: 0, max: 1, noNaN: true }),
        seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        activation: fc.constantFrom(...ACTIVATIONS),
        dropout: fc.constantFrom(0, 0.1, 0.5, 0.999),
        classes: fc.constantFrom(5, 16, 17, 40),
        storage: fc.constantFrom('u8' as const, 'f32' as const),
        labelSmoothing: fc.constantFrom(0, 0, 0.1),
        l1: fc.constantFrom(0, 0, 0.001),
        l2: fc.constantFrom(0, 0, 0.001, 1),
        weighted: fc.boolean(),
        loss: fc.constantFrom('categorical_crossentropy' as const, ...NUMBER_LOSSES),
      });
      fc.assert(
        fc.property(problem, ({ weighted, ...drawn }) => {
          const isNumber = drawn.loss !== 'categorical_crossentropy';
          const weights = Float32Array.from({ length: drawn.classes }, (_, c) => (c % 5) / 2);
          const classWeights = weighted && !isNumber ? weights : null;
          const labelSmoothing = isNumber ? 0 : drawn.labelSmoothing;
          const options = smallProblem({ ...drawn, labelSmoothing, classWeights });
          expectSameRun(create(options), createReferenceEngine(options), options, 2);
        }),
        { numRuns: 150 },
      );
    });
  });

  describe('evaluate and predict', () => {
    it.each([
      ['categorical_crossentropy', 'u8'],
      ['categorical_crossentropy', 'f32'],
      ...NUMBER_LOSSES.map((loss) => [loss, 'f32'] as const),
    ] as const)('give the bits of the reference engine for any rows: %s, %s', (loss, storage) => {
      for (const [hiddenUnits, batchSize] of [
        [[], 8],
        [[33, 31], 7],
        [[12], 100],
      ] as const) {
        // More classes than a panel has columns.
        const options = smallProblem({
          hiddenUnits,
          optimizer: rmsprop,
          batchSize,
          classes: 20,
          loss,
          storage,
        });
        const [engine, reference] = [create(options), createReferenceEngine(options)];
        expectSameRun(engine, reference, options, 1);
        // Other rows than the trained ones: the same problem with another density.
        const other = smallProblem({ hiddenUnits, optimizer: rmsprop, density: 0.6, loss, storage });
        const { values, targets } = other;
        for (const [from, to] of [
          [0, 53],
          [10, 11],
          [3, 50],
          [20, 20],
        ] as const) {
          const totals = { lossSum: 1, correct: 1, absoluteError: 1 };
          const expected = { lossSum: 1, correct: 1, absoluteError: 1 };
          engine.evaluate(values, targets, from, to, totals);
          reference.evaluate(values, targets, from, to, expected);
          expect(totals).toEqual(expected);

          const found = engine.predict(values, targets, from, to);
          const told = reference.predict(values, targets, from, to);
          expect(bits(found.predicted).equals(bits(told.predicted))).toBe(true);
          expect(bits(found.outputs).equals(bits(told.outputs))).toBe(true);
          expect(bits(found.losses).equals(bits(told.losses))).toBe(true);
        }
        // Measuring does not affect training.
        expectSameRun(engine, reference, options, 2);
      }
    });
  });
});
