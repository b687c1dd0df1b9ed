import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Optimizer, OptimizerSchema } from '../../src/contract/optimizer.ts';
import { epochOrder, fileOrder } from '../../src/engine/random.ts';
import { createReferenceEngine } from '../../src/engine/reference.ts';
import { bits, trainEpoch } from './engine-runs.ts';
import { NaiveTwin } from './naive-twin.ts';
import { darkPixel, type EngineProblem, OPTIMIZERS, smallProblem } from './small-problem.ts';

const rmsprop = OPTIMIZERS.rmsprop!;

/** Trains engine and twin for some epochs and compares totals, weights and slots after each, bit for bit. */
function expectTwinBits(options: EngineProblem, epochs: number): void {
  const engine = createReferenceEngine(options);
  const twin = new NaiveTwin(options, engine.state().weights);
  for (let epoch = 1; epoch <= epochs; epoch += 1) {
    const expected = twin.epoch(epochOrder(options.seed, epoch, options.epochRows));
    const { lossSum, correct, finite } = trainEpoch(engine, options, epoch);
    expect({ lossSum, correct, finite }).toEqual({ ...expected, finite: true });
    const { weights, slots } = engine.state();
    expect(bits(weights).equals(bits(twin.weights))).toBe(true);
    expect(slots.map(({ name }) => name)).toEqual(Object.keys(twin.slots));
    for (const { name, values } of slots) {
      expect(bits(values).equals(bits(twin.slots[name]!)), name).toBe(true);
    }
  }
}

describe('the bits of the naive twin', () => {
  it.each(Object.entries(OPTIMIZERS))('come out with %s, sparse and dense', (_, optimizer) => {
    expectTwinBits(smallProblem({ hiddenUnits: [12, 7], optimizer, density: 0.02 }), 3);
    expectTwinBits(smallProblem({ hiddenUnits: [12, 7], optimizer, density: 0.2 }), 3);
    expectTwinBits(smallProblem({ hiddenUnits: [12, 7], optimizer, density: 1 }), 2);
  });

  it.each([[[]], [[1]], [[3]], [[31]], [[32]], [[33]], [[128]], [[33, 31]], [[3, 1, 32]]])(
    'come out with hidden layers %j',
    (hiddenUnits) => {
      expectTwinBits(smallProblem({ hiddenUnits, optimizer: rmsprop }), 2);
    },
  );

  it.each([
    [1, 5],
    [5, 5],
    [4, 5],
    [7, 30],
    [32, 33],
    [40, 20],
  ])('come out with batches of %i of %i rows', (batchSize, rows) => {
    expectTwinBits(smallProblem({ hiddenUnits: [6], optimizer: rmsprop, batchSize, rows }), 2);
  });

  it.each(['relu', 'tanh', 'sigmoid'] as const)(
    'come out with %s, with and without dropout',
    (activation) => {
      for (const dropout of [0, 0.3, 0.9]) {
        expectTwinBits(smallProblem({ hiddenUnits: [12, 7], optimizer: rmsprop, activation, dropout }), 3);
      }
    },
  );

  it('come out with gaps so long that the decay becomes 0', () => {
    const optimizer = OptimizerSchema.parse({ type: 'rmsprop', rho: 0.3 });
    // 0.3^73 < 2^-126, and 150 steps of one row each leave most pixels alone for longer.
    expectTwinBits(smallProblem({ hiddenUnits: [5], optimizer, rows: 150, batchSize: 1, density: 0.01 }), 2);
  });
});

describe('skipping untouched rows', () => {
  it('is, up to rounding, the same as updating them', () => {
    // With momentum 1e-30 nothing is skipped, and nothing else changes.
    const options = smallProblem({ hiddenUnits: [12], optimizer: rmsprop, density: 0.03 });
    const full = { ...options, optimizer: { ...rmsprop, momentum: 1e-30 } as Optimizer };
    const [skipping, updating] = [createReferenceEngine(options), createReferenceEngine(full)];
    for (let epoch = 1; epoch <= 5; epoch += 1) {
      trainEpoch(skipping, options, epoch);
      trainEpoch(updating, full, epoch);
    }
    const [a, b] = [skipping.state(), updating.state()];
    a.weights.forEach((w, k) => {
      expect(Math.abs(w - b.weights[k]!)).toBeLessThan(1e-5);
    });
    a.slots[0]!.values.forEach((v, k) => {
      const expected = b.slots[0]!.values[k]!;
      expect(Math.abs(v - expected)).toBeLessThanOrEqual(1e-4 * expected);
    });
  });
});

describe('a run', () => {
  const options = smallProblem({ hiddenUnits: [12, 7], optimizer: rmsprop });
  const weightsAfter = (given: EngineProblem) => {
    const engine = createReferenceEngine(given);
    for (let epoch = 1; epoch <= 3; epoch += 1) trainEpoch(engine, given, epoch);
    return createHash('sha256').update(bits(engine.state().weights)).digest('hex');
  };

  it('ends with these weights on every machine', () => {
    expect(weightsAfter(options)).toBe(GOLDEN);
  });

  it('ends with other weights for another seed', () => {
    expect(weightsAfter({ ...options, seed: 43 })).not.toBe(weightsAfter(options));
  });

  it('learns', () => {
    const quick = smallProblem({ hiddenUnits: [12, 7], optimizer: { ...rmsprop, learning_rate: 0.01 } });
    const engine = createReferenceEngine(quick);
    const first = trainEpoch(engine, quick, 1);
    let last = first;
    for (let epoch = 2; epoch <= 100; epoch += 1) last = trainEpoch(engine, quick, epoch);
    expect(first.lossSum / first.rows).toBeGreaterThan(1.5);
    expect(last.lossSum / last.rows).toBeLessThan(0.1);
    expect(last.correct).toBe(last.rows);
  });
});

const GOLDEN = '5cf89f02b6562379a624ee1b448e2393d2e26babc4b08addd5960c04041506c6';

describe('slices', () => {
  it('leave the same bits as one call', () => {
    const options = smallProblem({ hiddenUnits: [12, 7], optimizer: rmsprop });
    const [whole, cut] = [createReferenceEngine(options), createReferenceEngine(options)];
    const order = epochOrder(42, 1, 53);
    whole.train(order, 0, 7);
    for (const [from, steps] of [
      [0, 2],
      [2, 0],
      [2, 1],
      [3, 4],
    ] as const)
      cut.train(order, from, steps);
    expect(cut.endEpoch()).toEqual(whole.endEpoch());
    expect(cut.state()).toEqual(whole.state());
  });

  it('of an evaluation add up to the same totals', () => {
    const options = smallProblem({ hiddenUnits: [12], optimizer: rmsprop });
    const { images, labels } = options;
    const engine = createReferenceEngine(options);
    const [whole, cut] = [
      { lossSum: 0, correct: 0 },
      { lossSum: 0, correct: 0 },
    ];
    engine.evaluate(images, labels, 0, 53, whole);
    for (const [from, to] of [
      [0, 1],
      [1, 20],
      [20, 20],
      [20, 53],
    ] as const) {
      engine.evaluate(images, labels, from, to, cut);
    }
    expect(cut).toEqual(whole);
    expect(whole.lossSum / 53).toBeCloseTo(Math.log(5), 0);
  });
});

describe('predict', () => {
  const options = smallProblem({ hiddenUnits: [12], optimizer: rmsprop });
  const engine = createReferenceEngine(options);
  const { images, labels } = options;
  const { predicted, probabilities, losses } = engine.predict(images, labels, 10, 53);

  it('says what evaluate adds up', () => {
    const totals = { lossSum: 0, correct: 0 };
    engine.evaluate(images, labels, 10, 53, totals);
    expect(losses.reduce((sum, loss) => sum + loss, 0)).toBe(totals.lossSum);
    expect(predicted.filter((choice, r) => choice === labels[10 + r])).toHaveLength(totals.correct);
  });

  it('gives probabilities that add up to 1, the largest to the chosen class', () => {
    predicted.forEach((choice, r) => {
      const row = probabilities.subarray(r * 5, r * 5 + 5);
      expect(row.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 6);
      expect(row[choice]).toBe(Math.max(...row));
      expect(losses[r]).toBeCloseTo(-Math.log(row[labels[10 + r]!]!), 5);
    });
  });

  it('chooses the lowest class among equals', () => {
    const level = createReferenceEngine(options);
    level.restore({ ...level.state(), weights: new Float32Array(options.layout.parameters) });
    const even = level.predict(images, labels, 0, 3);
    expect([...even.predicted]).toEqual([0, 0, 0]);
    expect([...even.probabilities.subarray(0, 5)]).toEqual(new Array(5).fill(Math.fround(0.2)));
  });
});

describe('state', () => {
  it.each(Object.entries(OPTIMIZERS))('restored goes on bit for bit with %s', (_, optimizer) => {
    const options = smallProblem({ hiddenUnits: [12, 7], optimizer });
    const unbroken = createReferenceEngine(options);
    trainEpoch(unbroken, options, 1);
    // Restored into an engine that has trained something else: nothing of that may be left.
    const resumed = createReferenceEngine(options);
    trainEpoch(resumed, options, 9);
    resumed.restore(unbroken.state());
    expect(trainEpoch(resumed, options, 2)).toEqual(trainEpoch(unbroken, options, 2));
    expect(resumed.state()).toEqual(unbroken.state());
  });

  it('is a copy', () => {
    const options = smallProblem({ hiddenUnits: [3], optimizer: rmsprop });
    const engine = createReferenceEngine(options);
    const state = engine.state();
    const weights = state.weights.slice();
    trainEpoch(engine, options, 1);
    expect(state.weights).toEqual(weights);
    expect(engine.state().weights).not.toEqual(weights);
  });

  it('of another model is refused', () => {
    const engine = createReferenceEngine(smallProblem({ hiddenUnits: [3], optimizer: rmsprop }));
    const other = createReferenceEngine(smallProblem({ hiddenUnits: [4], optimizer: rmsprop }));
    const adam = createReferenceEngine(smallProblem({ hiddenUnits: [3], optimizer: OPTIMIZERS.adam! }));
    expect(() => engine.restore(other.state())).toThrow('is not of this model');
    expect(() => engine.restore(adam.state())).toThrow('is not of this model');
  });

  it('is refused in the middle of an epoch', () => {
    const engine = createReferenceEngine(smallProblem({ hiddenUnits: [3], optimizer: rmsprop }));
    engine.train(epochOrder(42, 1, 53), 0, 1);
    expect(() => engine.state()).toThrow('between epochs');
  });
});

describe('order of calls', () => {
  const options = smallProblem({ hiddenUnits: [3], optimizer: rmsprop });
  const order = epochOrder(42, 1, 53);

  it('refuses batches out of turn, beyond the end, or of another epoch length', () => {
    const engine = createReferenceEngine(options);
    expect(() => engine.train(order, 1, 1)).toThrow('batch 0 is the next');
    expect(() => engine.train(order.subarray(1), 0, 1)).toThrow('52 rows');
    expect(() => engine.train(order, 0, 8)).toThrow('no batch 7');
  });

  it('refuses to end an epoch early', () => {
    const engine = createReferenceEngine(options);
    engine.train(order, 0, 6);
    expect(() => engine.endEpoch()).toThrow('ended after 6 steps');
  });
});

describe('divergence', () => {
  it('stops at the first step whose loss is not finite, however the steps are cut', () => {
    const optimizer = OptimizerSchema.parse({ type: 'sgd', learning_rate: 10 });
    const options = smallProblem({ hiddenUnits: [32, 32, 32], optimizer, density: 1, rows: 800 });
    const order = fileOrder(800);
    const engine = createReferenceEngine(options);
    expect(engine.train(order, 0, 100)).toBe(DIVERGES_AFTER);

    const single = createReferenceEngine(options);
    let steps = 0;
    while (single.train(order, steps, 1) === 1) steps += 1;
    expect(steps).toBe(DIVERGES_AFTER);

    const twinLoss = (batches: number) => {
      const twin = new NaiveTwin(options, createReferenceEngine(options).state().weights);
      return twin.epoch(order.subarray(0, batches * options.batchSize)).lossSum;
    };
    expect(twinLoss(DIVERGES_AFTER)).toBeLessThan(Infinity);
    expect(twinLoss(DIVERGES_AFTER + 1)).not.toBeLessThan(Infinity);
  });

  it('is seen at the end of an epoch in weights and in slots', () => {
    const options = smallProblem({ hiddenUnits: [], optimizer: rmsprop, density: 0.02 });
    for (const poison of [Number.NaN, Infinity]) {
      const engine = createReferenceEngine(options);
      const state = engine.state();
      // The weights of a pixel that no image has: no loss can show them.
      const dark = darkPixel(options);
      state.weights[dark * 5] = poison;
      engine.restore(state);
      expect(trainEpoch(engine, options, 1).finite).toBe(false);

      const slots = createReferenceEngine(options);
      const clean = slots.state();
      clean.slots[0]!.values[dark * 5] = poison;
      slots.restore(clean);
      expect(trainEpoch(slots, options, 1).finite).toBe(false);
    }
  });
});

/** Steps with a finite loss. */
const DIVERGES_AFTER = 7;
