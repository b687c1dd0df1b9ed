import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Optimizer, OptimizerSchema } from '../../src/contract/optimizer.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { KernelEngine } from '../../src/engine/kernel-engine.ts';
import { PANEL_COLUMNS } from '../../src/engine/kernel-header.ts';
import { fileOrder } from '../../src/engine/random.ts';
import { createReferenceEngine } from '../../src/engine/reference.ts';
import { createWasmEngine } from '../../src/engine/wasm.ts';
import { loadKernel } from '../../src/engine/wasm-module.ts';
import { bits, expectSameRun, expectSameState, trainEpoch } from './engine-runs.ts';
import { darkPixel, type EngineProblem, OPTIMIZERS, smallProblem } from './small-problem.ts';

const kernel = await loadKernel();
if (typeof kernel === 'string') throw new Error(kernel);
const create = (options: EngineProblem): KernelEngine => createWasmEngine(kernel, options);

const rmsprop = OPTIMIZERS.rmsprop!;

function expectReferenceBits(options: EngineProblem, epochs: number): void {
  expectSameRun(create(options), createReferenceEngine(options), options, epochs);
}

const ACTIVATIONS = ['relu', 'tanh', 'sigmoid'] as const;

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

/** Hyper-parameters at the ends of their ranges, where a branch or a rounding may be another. */
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

describe('the bits of the reference engine', () => {
  it.each(Object.entries(OPTIMIZERS))(
    'come out with %s, for all layer sizes, sparse and dense',
    (_, optimizer) => {
      for (const hiddenUnits of LAYERS) {
        for (const density of [0.02, 0.2, 1]) {
          expectReferenceBits(smallProblem({ hiddenUnits, optimizer, density }), 2);
        }
      }
    },
  );

  it.each(EXTREME.map((optimizer) => [JSON.stringify(optimizer), optimizer] as const))(
    'come out with %s',
    (_, optimizer) => {
      expectReferenceBits(smallProblem({ hiddenUnits: [17, 5], optimizer, density: 0.05, batchSize: 2 }), 4);
    },
  );

  it.each([
    [1, 5],
    [5, 5],
    [4, 5],
    [7, 30],
    [32, 33],
    [40, 20],
    [4096, 20],
  ])('come out with batches of %i of %i rows', (batchSize, rows) => {
    for (const optimizer of Object.values(OPTIMIZERS)) {
      expectReferenceBits(smallProblem({ hiddenUnits: [6, 18], optimizer, batchSize, rows }), 2);
    }
  });

  it.each(ACTIVATIONS)('come out with %s, with and without dropout', (activation) => {
    for (const hiddenUnits of LAYERS) {
      for (const dropout of [0, 1e-12, 0.3, 0.9]) {
        expectReferenceBits(smallProblem({ hiddenUnits, optimizer: rmsprop, activation, dropout }), 2);
      }
    }
  });

  it('come out with full batches of 4096 rows, all pixels lit', () => {
    const options = smallProblem({
      hiddenUnits: [3],
      optimizer: rmsprop,
      batchSize: 4096,
      rows: 8195,
      density: 1,
    });
    expectReferenceBits(options, 2);
  });

  it('come out with gaps so long that the decay becomes 0', () => {
    const optimizer = OptimizerSchema.parse({ type: 'rmsprop', rho: 0.3 });
    expectReferenceBits(
      smallProblem({ hiddenUnits: [5], optimizer, rows: 150, batchSize: 1, density: 0.01 }),
      2,
    );
  });

  it('come out of whatever is drawn', () => {
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
    });
    fc.assert(
      fc.property(problem, (drawn) => {
        expectReferenceBits(smallProblem(drawn), 2);
      }),
      { numRuns: 150 },
    );
  });
});

describe('evaluate and predict', () => {
  it('say the same as the reference engine, to the bit, of any rows', () => {
    for (const [hiddenUnits, batchSize] of [
      [[], 8],
      [[33, 31], 7],
      [[12], 100],
    ] as const) {
      // More classes than a panel has columns.
      const options = smallProblem({ hiddenUnits, optimizer: rmsprop, batchSize, classes: 20 });
      const [engine, reference] = [create(options), createReferenceEngine(options)];
      expectSameRun(engine, reference, options, 1);
      // Other images than the trained ones: the same problem with another density.
      const { images, labels } = smallProblem({ hiddenUnits, optimizer: rmsprop, density: 0.6 });
      for (const [from, to] of [
        [0, 53],
        [10, 11],
        [3, 50],
        [20, 20],
      ] as const) {
        const totals = { lossSum: 1, correct: 1 };
        const expected = { lossSum: 1, correct: 1 };
        engine.evaluate(images, labels, from, to, totals);
        reference.evaluate(images, labels, from, to, expected);
        expect(totals).toEqual(expected);

        const found = engine.predict(images, labels, from, to);
        const told = reference.predict(images, labels, from, to);
        expect(bits(found.predicted).equals(bits(told.predicted))).toBe(true);
        expect(bits(found.probabilities).equals(bits(told.probabilities))).toBe(true);
        expect(bits(found.losses).equals(bits(told.losses))).toBe(true);
      }
      // Measuring leaves nothing behind in the training.
      expectSameRun(engine, reference, options, 2);
    }
  });

  it('choose the lowest class among equals', () => {
    const options = smallProblem({ hiddenUnits: [12], optimizer: rmsprop });
    const level = create(options);
    level.restore({ ...level.state(), weights: new Float32Array(options.layout.parameters) });
    const even = level.predict(options.images, options.labels, 0, 3);
    expect([...even.predicted]).toEqual([0, 0, 0]);
    expect([...even.probabilities.subarray(0, 5)]).toEqual(new Array(5).fill(Math.fround(0.2)));
  });
});

describe('slices', () => {
  it('of any lengths leave the same bits as one call', () => {
    const options = smallProblem({ hiddenUnits: [12, 7], optimizer: rmsprop, rows: 160 });
    const order = fileOrder(160);
    const whole = create(options);
    whole.train(order, 0, 20);
    const expected = whole.endEpoch();
    fc.assert(
      fc.property(fc.array(fc.nat(5), { minLength: 1 }), (lengths) => {
        const cut = create(options);
        let from = 0;
        for (let k = 0; from < 20; k += 1) {
          const steps = Math.min(k < lengths.length ? lengths[k]! : 20, 20 - from);
          // An array of its own for each call: nothing may be kept of it.
          expect(cut.train(order.slice(), from, steps)).toBe(steps);
          from += steps;
          cut.evaluate(options.images, options.labels, 0, 9, { lossSum: 0, correct: 0 });
        }
        expect(cut.endEpoch()).toEqual(expected);
        expectSameState(cut, whole);
      }),
      { numRuns: 30 },
    );
  });
});

describe('state', () => {
  it.each(Object.entries(OPTIMIZERS))(
    'goes from engine to engine after any epoch, with %s',
    (_, optimizer) => {
      const options = smallProblem({ hiddenUnits: [12, 17], optimizer });
      const unbroken = createReferenceEngine(options);
      let states = [unbroken.state()];
      for (let epoch = 1; epoch <= 3; epoch += 1) {
        trainEpoch(unbroken, options, epoch);
        states = [...states, unbroken.state()];
      }
      for (const [first, second] of [
        [createReferenceEngine, create],
        [create, createReferenceEngine],
        [create, create],
      ] as const) {
        for (let at = 0; at < 3; at += 1) {
          const before: Engine = first(options);
          for (let epoch = 1; epoch <= at; epoch += 1) trainEpoch(before, options, epoch);
          // Restored into an engine that has trained something else: nothing of that may be left.
          const resumed: Engine = second(options);
          trainEpoch(resumed, options, 9);
          resumed.restore(before.state());
          for (let epoch = at + 1; epoch <= 3; epoch += 1) trainEpoch(resumed, options, epoch);
          expectSameState(resumed, unbroken);
        }
      }
    },
  );

  it('is a copy', () => {
    const options = smallProblem({ hiddenUnits: [3], optimizer: rmsprop });
    const engine = create(options);
    const state = engine.state();
    const weights = state.weights.slice();
    trainEpoch(engine, options, 1);
    expect(state.weights).toEqual(weights);
    expect(engine.state().weights).not.toEqual(weights);
  });

  it('of another model is refused', () => {
    const engine = create(smallProblem({ hiddenUnits: [3], optimizer: rmsprop }));
    const other = create(smallProblem({ hiddenUnits: [4], optimizer: rmsprop }));
    const adam = create(smallProblem({ hiddenUnits: [3], optimizer: OPTIMIZERS.adam! }));
    expect(() => engine.restore(other.state())).toThrow('is not of this model');
    expect(() => engine.restore(adam.state())).toThrow('is not of this model');
  });

  it('is refused in the middle of an epoch', () => {
    const engine = create(smallProblem({ hiddenUnits: [3], optimizer: rmsprop }));
    engine.train(fileOrder(53), 0, 1);
    expect(() => engine.state()).toThrow('between epochs');
  });
});

describe('order of calls', () => {
  const options = smallProblem({ hiddenUnits: [3], optimizer: rmsprop });
  const order = fileOrder(53);

  it('refuses batches out of turn, beyond the end, or of another epoch length', () => {
    const engine = create(options);
    expect(() => engine.train(order, 1, 1)).toThrow('batch 0 is the next');
    expect(() => engine.train(order.subarray(1), 0, 1)).toThrow('52 rows');
    expect(() => engine.train(order, 0, 8)).toThrow('no batch 7');
  });

  it('refuses to end an epoch early', () => {
    const engine = create(options);
    engine.train(order, 0, 6);
    expect(() => engine.endEpoch()).toThrow('ended after 6 steps');
  });

  it('refuses rows that there are no images of', () => {
    const engine = create(options);
    expect(() => engine.train(order.with(52, 53), 0, 7)).toThrow('row 53');
  });
});

describe('divergence', () => {
  it('is seen at the same step as by the reference engine, and changes nothing', () => {
    for (const learning_rate of [1, 2, 5, 10]) {
      const optimizer = OptimizerSchema.parse({ type: 'sgd', learning_rate });
      const options = smallProblem({ hiddenUnits: [32, 32, 32], optimizer, density: 1, rows: 800 });
      const order = fileOrder(800);
      const expected = createReferenceEngine(options).train(order, 0, 100);
      expect(create(options).train(order, 0, 100)).toBe(expected);

      const single = create(options);
      let steps = 0;
      while (steps < 100 && single.train(order, steps, 1) === 1) steps += 1;
      expect(steps).toBe(expected);
      if (learning_rate === 10) expect(expected).toBeLessThan(100);
    }
  });

  it('is seen at the end of an epoch in weights and in slots', () => {
    const options = smallProblem({ hiddenUnits: [], optimizer: rmsprop, density: 0.02 });
    for (const poison of [Number.NaN, Infinity, -Infinity]) {
      const engine = create(options);
      const state = engine.state();
      // The weights of a pixel that no image has: no loss can show them.
      const dark = darkPixel(options);
      state.weights[dark * 5] = poison;
      engine.restore(state);
      expect(trainEpoch(engine, options, 1).finite).toBe(false);

      const slots = create(options);
      const clean = slots.state();
      clean.slots[0]!.values[dark * 5] = poison;
      slots.restore(clean);
      expect(trainEpoch(slots, options, 1).finite).toBe(false);
    }
  });
});

describe('padding', () => {
  it.each(Object.entries(OPTIMIZERS))('is +0 after a run with %s', (_, optimizer) => {
    const options = smallProblem({ hiddenUnits: [33, 7, 15], optimizer });
    const engine = create(options);
    expect(paddingBytes(engine).length).toBeGreaterThan(1000);
    for (let epoch = 1; epoch <= 3; epoch += 1) trainEpoch(engine, options, epoch);
    expect(paddingBytes(engine).filter((byte) => byte !== 0)).toHaveLength(0);
  });
});

it.each(ACTIVATIONS)('padding is +0 after a run with %s and dropout, too', (activation) => {
  const options = smallProblem({ hiddenUnits: [33, 7, 15], optimizer: rmsprop, activation, dropout: 0.3 });
  const engine = create(options);
  for (let epoch = 1; epoch <= 3; epoch += 1) trainEpoch(engine, options, epoch);
  expect(paddingBytes(engine).filter((byte) => byte !== 0)).toHaveLength(0);
});

/** The bytes of all columns that fill up a last panel: of weights, slots, outputs, what dropout left, and deltas. */
function paddingBytes({ map, memory }: KernelEngine): number[] {
  const blocks = map.parameters.bytes / map.slotDistance;
  return map.layers.flatMap(({ outputs, weights, out, kept, deltas }) => {
    const parameters = Array.from({ length: blocks }, (_, block) => ({
      ...weights,
      address: weights.address + block * map.slotDistance,
    }));
    return [...parameters, out, kept, deltas].flatMap(({ address, bytes }) => {
      const panels = Math.ceil(outputs / PANEL_COLUMNS);
      const last = new Uint8Array(memory, address + (bytes / panels) * (panels - 1), bytes / panels);
      const used = 4 * (outputs - (panels - 1) * PANEL_COLUMNS);
      return [...last].filter((_, k) => k % (4 * PANEL_COLUMNS) >= used);
    });
  });
}

describe('the process', () => {
  it('has denormal numbers: half of the smallest normal is not 0 inside the kernel', () => {
    const smallest = 2 ** -126;
    const { denormalsAreAlive } = create(smallProblem({ hiddenUnits: [], optimizer: rmsprop })).kernel;
    expect(denormalsAreAlive(smallest)).toBe(1);
    // What it would say if they were flushed to 0.
    expect(denormalsAreAlive(0)).toBe(0);
  });
});
