import { describe, expect, it } from 'vitest';
import { OptimizerSchema } from '../../src/contract/optimizer.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { epochOrder, fileOrder } from '../../src/engine/random.ts';
import { createReferenceEngine } from '../../src/engine/reference/reference.ts';
import { changingRates, expectSameState } from './engine-runs.ts';
import { ACTIVATIONS, type EngineProblem, OPTIMIZERS, smallProblem } from './small-problem.ts';
import { describeEach, ENGINES } from './tested-engines.ts';

/** A step that tells its figures gives the same bits as one that does not, and all engines tell the same. */

const HIDDEN = [17, 5];
const STEPS = 7;

const unmarked = () => HIDDEN.map((units) => new Uint8Array(units));

/** Trains an epoch whose steps in `measured` tell their figures; the figures of those, and which units fired. */
function trainMeasured(engine: Engine, { seed, epochRows }: EngineProblem, measured: readonly number[]) {
  const order = epochOrder(seed, 1, epochRows);
  const rates = changingRates(1, STEPS);
  const fired = unmarked();
  const figures = [];
  for (let s = 0; s < STEPS; s += 1) {
    if (measured.includes(s)) figures.push(engine.measureStep(order, s, rates[s], fired));
    else expect(engine.train(order, s, rates.subarray(s, s + 1))).toBe(1);
  }
  return { figures, fired: fired.map((units) => [...units]), end: engine.endEpoch() };
}

describeEach(ENGINES, (create) => {
  it.each(Object.entries(OPTIMIZERS))(
    'changes no bit with %s, and tells what the reference tells',
    (_, optimizer) => {
      for (const measured of [[0], [2, 6], [0, 1, 2, 3, 4, 5, 6]]) {
        const options = smallProblem({ hiddenUnits: HIDDEN, optimizer, dropout: 0.2 });
        const [plain, engine, reference] = [create(options), create(options), createReferenceEngine(options)];
        const expected = trainMeasured(plain, options, []);
        const found = trainMeasured(engine, options, measured);
        expect(found.end).toEqual(expected.end);
        expectSameState(engine, plain);
        expect(found).toEqual(trainMeasured(reference, options, measured));
      }
    },
  );

  it.each(ACTIVATIONS)('tells which units fire with %s, and the penalties in its loss', (activation) => {
    const penalties = { l1: 0.01, l2: 0.02 };
    const options = {
      ...smallProblem({ hiddenUnits: HIDDEN, optimizer: OPTIMIZERS.sgd!, activation }),
      ...penalties,
    };
    const found = trainMeasured(create(options), options, [3]);
    expect(found).toEqual(trainMeasured(createReferenceEngine(options), options, [3]));
  });

  it('tells of a unit that never fires', () => {
    const options = smallProblem({ hiddenUnits: HIDDEN, optimizer: OPTIMIZERS.rmsprop! });
    const engine = create(options);
    const state = engine.state();
    const { biasesOffset } = options.layout.layers[0];
    state.weights[biasesOffset + 4] = -1000;
    engine.restore(state);
    const { fired } = trainMeasured(engine, options, [0, 3, 6]);
    expect(fired[0].flatMap((mark, unit) => (mark === 0 ? [unit] : []))).toContain(4);
    expect(fired[0].filter((mark) => mark === 1).length).toBeGreaterThan(8);
  });

  it('diverges at the same step', () => {
    const optimizer = OptimizerSchema.parse({ type: 'sgd', learning_rate: 10 });
    const options = smallProblem({ hiddenUnits: [32, 32, 32], optimizer, density: 1, rows: 800 });
    const order = fileOrder(800);
    const [plain, engine] = [create(options), create(options)];
    const expected = plain.train(order, 0, new Float64Array(100).fill(10));
    const fired = [32, 32, 32].map((units) => new Uint8Array(units));
    let steps = 0;
    while (engine.measureStep(order, steps, 10, fired) !== null) steps += 1;
    expect(steps).toBe(expected);
    expect(steps).toBeLessThan(100);
  });

  it('reads values at any time, and those of slots', () => {
    const options = smallProblem({ hiddenUnits: HIDDEN, optimizer: OPTIMIZERS.adam! });
    const engine = create(options);
    trainMeasured(engine, options, [1]);
    const { weights, slots, powers } = engine.state();
    const places = Uint32Array.from({ length: weights.length }, (_, k) => k);
    expect(engine.valuesAt(places)).toEqual(weights);
    expect(
      engine.valuesAt(
        places.filter((k) => k % 7 === 3),
        slots[1]!.name,
      ),
    ).toEqual(slots[1]!.values.filter((_, k) => k % 7 === 3));
    expect(engine.powers()).toEqual(powers);
    engine.train(epochOrder(1, 1, options.epochRows), 0, changingRates(1, 1));
    expect(engine.valuesAt(places)).not.toEqual(weights);
  });

  it('refuses batches out of turn', () => {
    const options = smallProblem({ hiddenUnits: HIDDEN, optimizer: OPTIMIZERS.rmsprop! });
    expect(() => create(options).measureStep(fileOrder(53), 1, 0.1, unmarked())).toThrow('batch 0 is next');
  });
});

describe('the figures of a step', () => {
  it('are the loss before the update and the norms of its gradients', () => {
    // One input of 1, one linear output, loss (w - y)^2 with w = the only weight that counts.
    const options = smallProblem({
      hiddenUnits: [],
      optimizer: OPTIMIZERS.sgd!,
      loss: 'mse',
      rows: 1,
      batchSize: 1,
    });
    const engine = createReferenceEngine(options);
    const [error] = [engine.predict(options.values, options.targets, 0, 1).outputs[0] - options.targets[0]];
    const figures = engine.measureStep(fileOrder(1), 0, 0.01, [])!;
    expect(figures.rows).toBe(1);
    expect(figures.lossSum).toBeCloseTo(error * error, 5);
    expect(figures.absoluteError).toBeCloseTo(Math.abs(error), 5);
    // The gradient of the bias is 2 e, that of a weight 2 e x.
    expect(figures.squares![1]).toBeCloseTo(4 * error * error, 4);
    const squares = [...options.values].reduce((sum, value) => sum + (value / 255) ** 2, 0);
    expect(figures.squares![0]).toBeCloseTo(4 * error * error * squares, 3);
  });
});
