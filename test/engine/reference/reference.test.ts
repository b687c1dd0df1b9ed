import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Optimizer, OptimizerSchema } from '../../../src/contract/optimizer.ts';
import { epochOrder, fileOrder } from '../../../src/engine/random.ts';
import { createReferenceEngine } from '../../../src/engine/reference/reference.ts';
import { bits, steadyRates, trainEpoch } from '../engine-runs.ts';
import { NaiveTwin } from '../naive-twin.ts';
import { ACTIVATIONS, type EngineProblem, OPTIMIZERS, smallProblem } from '../small-problem.ts';

const rmsprop = OPTIMIZERS.rmsprop!;

/** Trains engine and twin for some epochs and compares totals, weights and slots after each, bit for bit. */
function expectTwinBits(options: EngineProblem, epochs: number): void {
  const engine = createReferenceEngine(options);
  const twin = new NaiveTwin(options, engine.state().weights);
  for (let epoch = 1; epoch <= epochs; epoch += 1) {
    const expected = twin.epoch(epochOrder(options.seed, epoch, options.epochRows));
    const { rows: _, ...totals } = trainEpoch(engine, options, epoch);
    expect(totals).toEqual({ ...expected, finite: true });
    const { weights, slots } = engine.state();
    expect(bits(weights).equals(bits(twin.weights))).toBe(true);
    expect(slots.map(({ name }) => name)).toEqual(Object.keys(twin.slots));
    for (const { name, values } of slots) {
      expect(bits(values).equals(bits(twin.slots[name])), name).toBe(true);
    }
  }
}

describe('the bits of the naive twin', () => {
  it.each(Object.entries(OPTIMIZERS))('are reproduced with %s, sparse and dense', (_, optimizer) => {
    expectTwinBits(smallProblem({ hiddenUnits: [12, 7], optimizer, density: 0.02 }), 3);
    expectTwinBits(smallProblem({ hiddenUnits: [12, 7], optimizer, density: 0.2 }), 3);
    expectTwinBits(smallProblem({ hiddenUnits: [12, 7], optimizer, density: 1 }), 2);
  });

  it.each([[[]], [[1]], [[3]], [[31]], [[32]], [[33]], [[128]], [[33, 31]], [[3, 1, 32]]])(
    'are reproduced with hidden layers %j',
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
  ])('are reproduced with batches of %i of %i rows', (batchSize, rows) => {
    expectTwinBits(smallProblem({ hiddenUnits: [6], optimizer: rmsprop, batchSize, rows }), 2);
  });

  it.each([
    [0.1, null],
    [0, [2, 0.5, 0, 1, 3]],
    [0.3, [2, 0.5, 0, 1, 3]],
  ])('are reproduced with a label smoothing of %f and the class weights %o', (labelSmoothing, weights) => {
    const classWeights = weights && Float32Array.from(weights);
    expectTwinBits(smallProblem({ hiddenUnits: [6], optimizer: rmsprop, labelSmoothing, classWeights }), 3);
  });

  it.each(Object.entries(OPTIMIZERS))('are reproduced with l1 and l2, with %s', (_, optimizer) => {
    for (const [l1, l2] of [
      [0.01, 0],
      [0, 0.01],
      [0.001, 0.002],
    ] as const) {
      expectTwinBits(smallProblem({ hiddenUnits: [6], optimizer, l1, l2 }), 3);
    }
  });

  it.each(ACTIVATIONS)('are reproduced with %s, with and without dropout', (activation) => {
    for (const dropout of [0, 0.3, 0.9]) {
      expectTwinBits(smallProblem({ hiddenUnits: [12, 7], optimizer: rmsprop, activation, dropout }), 3);
    }
  });

  it.each([
    ['categorical_crossentropy', 'f32'],
    ['mse', 'f32'],
    ['mae', 'u8'],
    ['huber', 'f32'],
  ] as const)('are reproduced with %s on %s values', (loss, storage) => {
    for (const optimizer of Object.values(OPTIMIZERS)) {
      expectTwinBits(smallProblem({ hiddenUnits: [12, 7], optimizer, loss, storage, density: 0.5 }), 2);
    }
  });

  it('are reproduced with gaps so long that the decay becomes 0', () => {
    const optimizer = OptimizerSchema.parse({ type: 'rmsprop', rho: 0.3 });
    // 0.3^73 < 2^-126, and in 150 steps of one row each, most pixels stay dark for longer than 73 steps.
    expectTwinBits(smallProblem({ hiddenUnits: [5], optimizer, rows: 150, batchSize: 1, density: 0.01 }), 2);
  });
});

describe('skipping untouched rows', () => {
  it('is the same as updating them, up to rounding', () => {
    // A momentum of 1e-30 disables skipping and changes nothing else.
    const options = smallProblem({ hiddenUnits: [12], optimizer: rmsprop, density: 0.03 });
    const full = { ...options, optimizer: { ...rmsprop, momentum: 1e-30 } as Optimizer };
    const [skipping, updating] = [createReferenceEngine(options), createReferenceEngine(full)];
    for (let epoch = 1; epoch <= 5; epoch += 1) {
      trainEpoch(skipping, options, epoch);
      trainEpoch(updating, full, epoch);
    }
    const [a, b] = [skipping.state(), updating.state()];
    a.weights.forEach((w, k) => {
      expect(Math.abs(w - b.weights[k])).toBeLessThan(1e-5);
    });
    a.slots[0].values.forEach((v, k) => {
      const expected = b.slots[0].values[k];
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

  it('gives these weights on every machine', () => {
    expect(weightsAfter(options)).toBe(GOLDEN);
  });

  it('gives other weights for another seed', () => {
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

describe('divergence', () => {
  it('is detected where the naive twin diverges: at the first step whose loss is not finite', () => {
    const optimizer = OptimizerSchema.parse({ type: 'sgd', learning_rate: 10 });
    const options = smallProblem({ hiddenUnits: [32, 32, 32], optimizer, density: 1, rows: 800 });
    const order = fileOrder(800);
    expect(createReferenceEngine(options).train(order, 0, steadyRates(options, 100))).toBe(DIVERGES_AFTER);

    const twinLoss = (batches: number) => {
      const twin = new NaiveTwin(options, createReferenceEngine(options).state().weights);
      return twin.epoch(order.subarray(0, batches * options.batchSize)).lossSum;
    };
    expect(twinLoss(DIVERGES_AFTER)).toBeLessThan(Infinity);
    expect(twinLoss(DIVERGES_AFTER + 1)).not.toBeLessThan(Infinity);
  });
});

/** Steps with a finite loss. */
const DIVERGES_AFTER = 7;
