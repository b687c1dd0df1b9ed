import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type JobSpec, JobSpecSchema } from '../../../src/contract/job-spec.ts';
import { nominalRate } from '../../../src/contract/learning-rate.ts';
import { type Optimizer, OptimizerSchema, type Sgd } from '../../../src/contract/optimizer.ts';
import { openDataset } from '../../../src/dataset/prepared.ts';
import { DATASETS } from '../../../src/dataset/registry.ts';
import { type Engine, type EngineOptions, noTotals } from '../../../src/engine/engine.ts';
import { optimizerFaults } from '../../../src/engine/number-limits.ts';
import { epochOrder, fileOrder } from '../../../src/engine/random.ts';
import { createReferenceEngine } from '../../../src/engine/reference/reference.ts';
import { createTensorFlowEngine } from '../../../src/engine/tensorflow/tensorflow-engine.ts';
import { tensorflowLacks } from '../../../src/engine/tensorflow/tensorflow-limits.ts';
import type { LoadedTensorFlow } from '../../../src/engine/tensorflow/tensorflow-module.ts';
import { jobLayout } from '../../../src/training/job-engine.ts';
import { bits, expectSameState, steadyRates, trainEpoch } from '../engine-runs.ts';
import { ACTIVATIONS, type EngineProblem, OPTIMIZERS, smallProblem } from '../small-problem.ts';

/**
 * The tests of the tensorflow engine, for each backend. Each backend has its own test file, because tfjs has only one
 * engine per process.
 */

const STEPS = 50;
/** How much a loss may differ from that of the reference engine. */
const CLOSE = 1e-3;
const BATCH = 32;

const dataDir = mkdtempSync(join(tmpdir(), 'descent-'));
const { train: digits } = await openDataset(DATASETS.mnist_sample.shape, dataDir);
const images = new Uint8Array(digits.rows * 784);
digits.readValues(images, 0);
rmSync(dataDir, { recursive: true });

/** A job on real digits with one step per epoch, so that endEpoch() returns the loss of each step. */
function digitsProblem(model: Partial<JobSpec['model']>, optimizer: Optimizer): EngineProblem {
  const spec = JobSpecSchema.parse({
    dataset: 'mnist_sample',
    model: { hidden_units: [32], ...model },
    optimizer,
  });
  return {
    layout: jobLayout({ spec, data: DATASETS.mnist_sample.shape }),
    activation: spec.model.activation,
    kernelInitializer: spec.model.kernel_initializer,
    outputInitializer: spec.model.output_initializer ?? spec.model.kernel_initializer,
    dropout: spec.model.dropout,
    l1: spec.model.l1,
    l2: spec.model.l2,
    optimizer,
    batchSize: BATCH,
    seed: spec.training.seed,
    loss: 'categorical_crossentropy',
    labelSmoothing: spec.training.label_smoothing,
    classWeights: null,
    values: images,
    source: { storage: 'u8', readValues: (into) => into.set(images) },
    targets: digits.targets,
    epochRows: BATCH,
  };
}

/** Losses and correct predictions of the first steps, in the order of a job's first epoch. */
function firstSteps(engine: Engine, { seed, optimizer }: EngineOptions): { loss: number; correct: number }[] {
  const order = epochOrder(seed, 1, digits.rows);
  return Array.from({ length: STEPS }, (_, s) => {
    expect(engine.train(order.subarray(s * BATCH, (s + 1) * BATCH), 0, steadyRates({ optimizer }, 1))).toBe(
      1,
    );
    const { lossSum, correct, rows } = engine.endEpoch();
    return { loss: lossSum / rows, correct };
  });
}

/** Every accepted variant: those of the other engines' tests, and more that need care only here. */
const ACCEPTED = Object.entries({
  ...OPTIMIZERS,
  'sgd nesterov without momentum': OptimizerSchema.parse({ type: 'sgd', nesterov: true }),
  'adagrad from 0': OptimizerSchema.parse({ type: 'adagrad', initial_accumulator_value: 0 }),
  'adam, large epsilon': OptimizerSchema.parse({ type: 'adam', epsilon: 1e-3 }),
  'adam, short memory': OptimizerSchema.parse({ type: 'adam', beta_1: 0.5, beta_2: 0.9 }),
}).filter(([, optimizer]) => tensorflowLacks(optimizer).length === 0);

/** Hyper-parameters at the limits of float32 and the contract. */
const make = {
  rmsprop: (options: object) => OptimizerSchema.parse({ type: 'rmsprop', ...options }),
  sgd: (options: object) => OptimizerSchema.parse({ type: 'sgd', ...options }),
  adagrad: (options: object) => OptimizerSchema.parse({ type: 'adagrad', ...options }),
  adam: (options: object) => OptimizerSchema.parse({ type: 'adam', ...options }),
};
const GRID = [
  ...[0, 0.9999999].flatMap((beta_1) => [0.9, 0.9999999].map((beta_2) => make.adam({ beta_1, beta_2 }))),
  ...[1e-30, 1].map((epsilon) => make.adam({ epsilon, beta_2: 0.999999 })),
  ...[0, 0.9999999].map((rho) => make.rmsprop({ rho, learning_rate: 1e-4 })),
  make.rmsprop({ momentum: 0.999999, learning_rate: 1e-4 }),
  ...[1e-30, 1].map((epsilon) => make.rmsprop({ epsilon })),
  make.sgd({ momentum: 0.9999999, nesterov: true }),
  ...[1e-30, 10].map((initial_accumulator_value) =>
    make.adagrad({ initial_accumulator_value, learning_rate: 0.01 }),
  ),
].map((optimizer) => [JSON.stringify(optimizer), optimizer] as const);

export function describeTensorFlow({ tensorflow }: LoadedTensorFlow): void {
  const create = (options: EngineOptions) => createTensorFlowEngine(tensorflow, options);
  const { rmsprop, adam } = OPTIMIZERS as { rmsprop: Optimizer; adam: Optimizer };

  /** Checks that the first steps have nearly the losses of the reference engine. */
  function expectCloseRun(options: EngineOptions): void {
    const [engine, reference] = [create(options), createReferenceEngine(options)];
    expect(bits(engine.state().weights).equals(bits(reference.state().weights))).toBe(true);
    const [found, expected] = [firstSteps(engine, options), firstSteps(reference, options)];
    const apart = found.map(({ loss }, s) => Math.abs(loss - expected[s].loss));
    expect(Math.max(...apart)).toBeLessThan(CLOSE);
    // The loss has changed by more than the tolerance, so the comparison is meaningful.
    expect(Math.abs(found[0].loss - found.at(-1)!.loss)).toBeGreaterThan(10 * CLOSE);
    const correct = (steps: typeof found) => steps.reduce((sum, step) => sum + step.correct, 0);
    expect(Math.abs(correct(found) - correct(expected))).toBeLessThanOrEqual(3);
  }

  describe('the losses of the first 50 steps', () => {
    it.each(ACCEPTED)('are close to those of the reference engine with %s', (_, optimizer) => {
      expectCloseRun(digitsProblem({}, optimizer));
    });

    it.each(GRID)('stay close with %s', (_, optimizer) => {
      expect([...optimizerFaults(optimizer), ...tensorflowLacks(optimizer)]).toEqual([]);
      const options = digitsProblem({ hidden_units: [16] }, optimizer);
      const [found, expected] = [create(options), createReferenceEngine(options)].map((engine) =>
        firstSteps(engine, options),
      );
      const apart = found!.map(({ loss }, s) => Math.abs(loss - expected![s].loss));
      expect(Math.max(...apart)).toBeLessThan(CLOSE);
    });

    it.each(ACTIVATIONS)('with %s, with and without dropout', (activation) => {
      for (const dropout of [0, 0.3]) expectCloseRun(digitsProblem({ activation, dropout }, rmsprop));
    });

    it.each([
      [{ l1: 1e-4 }, rmsprop],
      [{ l2: 1e-3 }, rmsprop],
      [{ l1: 1e-5, l2: 1e-4, kernel_initializer: 'he_normal', output_initializer: 'zeros' }, adam],
    ] as const)('with %o', (model, optimizer) => expectCloseRun(digitsProblem(model, optimizer)));

    it('with label smoothing and class weights', () => {
      const classWeights = Float32Array.from({ length: 10 }, (_, c) => 0.5 + c / 10);
      expectCloseRun({ ...digitsProblem({}, rmsprop), labelSmoothing: 0.1, classWeights });
    });

    it('without hidden layers', () => expectCloseRun(digitsProblem({ hidden_units: [] }, rmsprop)));
  });

  it.each(ACCEPTED)(
    'returns totals and keeps slots close to those of the reference engine, with %s',
    (_, optimizer) => {
      const options = smallProblem({ hiddenUnits: [12, 7], optimizer, density: 1 });
      const [engine, reference] = [create(options), createReferenceEngine(options)];
      for (const epoch of [1, 2]) {
        const { lossSum, rows, finite } = trainEpoch(engine, options, epoch);
        const expected = trainEpoch(reference, options, epoch);
        expect({ rows, finite }).toEqual({ rows: expected.rows, finite: expected.finite });
        expect(lossSum).toBeCloseTo(expected.lossSum, 2);
      }
      const [found, expected] = [engine.state(), reference.state()];
      expect(found.steps).toBe(expected.steps);
      expect(found.powers).toHaveLength(expected.powers.length);
      expect(found.slots.map(({ name }) => name)).toEqual(expected.slots.map(({ name }) => name));
      // tfjs multiplies by the learning rate later.
      const scale = optimizer.type === 'sgd' ? -nominalRate(optimizer.learning_rate) : 1;
      for (const [s, { name, values }] of expected.slots.entries()) {
        const size = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        expect(size).toBeGreaterThan(0);
        found.slots[s].values.forEach((value, k) => {
          expect(Math.abs(scale * value - values[k]), `${name} ${k}`).toBeLessThan(1e-3 * size);
        });
      }
    },
  );

  it('measures like the reference engine: evaluate and predict', () => {
    const options = digitsProblem({ dropout: 0.3 }, rmsprop);
    const [engine, reference] = [create(options), createReferenceEngine(options)];
    firstSteps(engine, options);
    reference.restore(engine.state());
    const measure = (measured: Engine) => {
      const totals = noTotals();
      // Split in the middle of a batch, and with a short last batch.
      measured.evaluate(images, digits.targets, 3000, 3050, totals);
      measured.evaluate(images, digits.targets, 3050, 3500, totals);
      return { totals, ...measured.predict(images, digits.targets, 3000, 3500) };
    };
    const [found, expected] = [measure(engine), measure(reference)];
    expect(found.totals.lossSum).toBeCloseTo(expected.totals.lossSum, 3);
    expect(found.totals.correct).toBe(expected.totals.correct);
    expect(found.predicted).toEqual(expected.predicted);
    expect(found.losses.every((loss, r) => Math.abs(loss - expected.losses[r]) < 1e-4)).toBe(true);
    expect(found.outputs).toHaveLength(expected.outputs.length);
    expect(found.outputs.every((p, k) => Math.abs(p - expected.outputs[k]) < 1e-5)).toBe(true);
  });

  it.each(['mse', 'mae', 'huber'] as const)('trains on numbers like the reference engine: %s', (loss) => {
    const options = smallProblem({
      hiddenUnits: [12],
      optimizer: rmsprop,
      loss,
      storage: 'f32',
      density: 0.5,
    });
    const [engine, reference] = [create(options), createReferenceEngine(options)];
    const { finite: _, ...found } = trainEpoch(engine, options, 1);
    const expected = trainEpoch(reference, options, 1);
    expect(found.lossSum).toBeCloseTo(expected.lossSum, 3);
    expect(found.absoluteError).toBeCloseTo(expected.absoluteError, 3);
    const { values, targets } = options;
    const [told, truth] = [engine, reference].map((each) => each.predict(values, targets, 0, 53).outputs);
    expect(told!.every((z, r) => Math.abs(z - truth![r]!) < 1e-4)).toBe(true);
  });

  it('predicts the lowest class among equals', () => {
    const options = smallProblem({ hiddenUnits: [3], optimizer: rmsprop });
    const level = create(options);
    level.restore({ ...level.state(), weights: new Float32Array(options.layout.parameters) });
    expect([...level.predict(options.values, options.targets, 0, 3).predicted]).toEqual([0, 0, 0]);
  });

  it.each(ACCEPTED)('continues from a state as if it had not been interrupted, with %s', (_, optimizer) => {
    const options = smallProblem({ hiddenUnits: [12, 7], optimizer, dropout: 0.2 });
    const unbroken = create(options);
    trainEpoch(unbroken, options, 1);
    // Restore into an engine that has trained something else, and longer: no trace of that may remain.
    const resumed = create(options);
    for (const epoch of [8, 9]) trainEpoch(resumed, options, epoch);
    resumed.restore(unbroken.state());
    expect(trainEpoch(resumed, options, 2)).toEqual(trainEpoch(unbroken, options, 2));
    expectSameState(resumed, unbroken);
  });

  it('returns a copy as its state, and refuses the state of another model or optimizer', () => {
    const options = smallProblem({ hiddenUnits: [3], optimizer: rmsprop });
    const engine = create(options);
    const state = engine.state();
    const weights = state.weights.slice();
    trainEpoch(engine, options, 1);
    expect(state.weights).toEqual(weights);
    expect(engine.state().weights).not.toEqual(weights);
    const wider = create(smallProblem({ hiddenUnits: [4], optimizer: rmsprop }));
    expect(() => engine.restore(wider.state())).toThrow('does not fit this model');
    const other = create(smallProblem({ hiddenUnits: [3], optimizer: adam }));
    expect(() => engine.restore(other.state())).toThrow('does not fit this model');
  });

  it('leaks no tensors', () => {
    const tensors = () => tensorflow.core.memory().numTensors;
    for (const optimizer of [rmsprop, adam]) {
      const options = smallProblem({ hiddenUnits: [12, 7], optimizer, dropout: 0.2 });
      const engine = create(options);
      // tfjs creates some tensors at the first step.
      trainEpoch(engine, options, 1);
      const before = tensors();
      trainEpoch(engine, options, 2);
      engine.evaluate(options.values, options.targets, 0, 20, noTotals());
      engine.predict(options.values, options.targets, 0, 20);
      engine.restore(engine.state());
      trainEpoch(engine, options, 3);
      expect(tensors()).toBe(before);
    }
  });

  it('is not affected by another engine in its process', () => {
    const options = smallProblem({ hiddenUnits: [5], optimizer: adam });
    const [alone, one, other] = [create(options), create(options), create({ ...options, seed: 7 })];
    trainEpoch(alone, options, 1);
    const order = epochOrder(options.seed, 1, options.epochRows);
    for (let s = 0; s < 7; s += 1) {
      one.train(order, s, steadyRates(options, 1));
      other.train(order, s, steadyRates(options, 1));
    }
    one.endEpoch();
    expect(one.state()).toEqual(alone.state());
  });

  describe('order of calls', () => {
    const options = smallProblem({ hiddenUnits: [3], optimizer: rmsprop });
    const order = epochOrder(42, 1, 53);

    it('refuses batches out of turn, beyond the end, or of another epoch length', () => {
      const engine = create(options);
      expect(() => engine.train(order, 1, steadyRates(options, 1))).toThrow('batch 0 is next');
      expect(() => engine.train(order.subarray(1), 0, steadyRates(options, 1))).toThrow('52 rows');
      expect(() => engine.train(order, 0, steadyRates(options, 8))).toThrow('no batch 7');
    });

    it('refuses to end an epoch early, and to save or restore a state within one', () => {
      const engine = create(options);
      const state = engine.state();
      engine.train(order, 0, steadyRates(options, 6));
      expect(() => engine.endEpoch()).toThrow('ended after 6 of its 7 steps');
      expect(() => engine.state()).toThrow('between epochs');
      expect(() => engine.restore(state)).toThrow('between epochs');
    });
  });

  describe('divergence', () => {
    it('stops before the step whose loss is not finite, which changes nothing', () => {
      const optimizer = OptimizerSchema.parse({ type: 'sgd', learning_rate: 10 });
      const problem = smallProblem({ hiddenUnits: [32, 32, 32], optimizer, density: 1, rows: 800 });
      const whole = create(problem);
      const reference = createReferenceEngine(problem);
      const steps = whole.train(fileOrder(800), 0, steadyRates(problem, 100));
      expect(steps).toBe(reference.train(fileOrder(800), 0, steadyRates(problem, 100)));
      expect(steps).toBeLessThan(20);

      const single = create({ ...problem, epochRows: 8 });
      let before = single.state();
      for (let s = 0; s < steps; s += 1) {
        expect(single.train(fileOrder(800).subarray(8 * s, 8 * s + 8), 0, steadyRates(problem, 1))).toBe(1);
        single.endEpoch();
        before = single.state();
      }
      expect(
        single.train(fileOrder(800).subarray(8 * steps, 8 * steps + 8), 0, steadyRates(problem, 1)),
      ).toBe(0);
      expect(single.state()).toEqual(before);
    });

    it('is detected at the end of an epoch in slots', () => {
      const options = smallProblem({ hiddenUnits: [3], optimizer: rmsprop, rows: 8 });
      for (const value of [0, Number.NaN, Infinity]) {
        const engine = create(options);
        const state = engine.state();
        state.slots[0].values[4] = value;
        engine.restore(state);
        expect(trainEpoch(engine, options, 1).finite).toBe(value === 0);
      }
    });

    it('is detected at the end of an epoch in weights that the last step made infinite', () => {
      const optimizer: Optimizer = { ...(OPTIMIZERS.sgd as Sgd), learning_rate: Infinity };
      const options = smallProblem({ hiddenUnits: [3], optimizer, rows: 8 });
      expect(trainEpoch(create(options), options, 1).finite).toBe(false);
    });
  });
}
