import { describe, expect, it } from 'vitest';
import { type Engine, noTotals } from '../../src/engine/engine.ts';
import { classWeights } from '../../src/training/class-weights.ts';
import { evaluate } from '../../src/training/evaluate.ts';
import { expectSameState } from '../engine/engine-runs.ts';
import { imagesOf, loadSmallDataset, runJob, smallSpec } from './small-job.ts';

const TARGETS = Uint16Array.of(0, 0, 0, 1, 1, 3);

describe('class weights', () => {
  it('are none without a choice', () => {
    expect(classWeights(null, ['a', 'b'], TARGETS)).toBeNull();
  });

  it('are those of the map by label, and 1 for the others', () => {
    const weights = classWeights({ b: 2.5, d: 0 }, ['a', 'b', 'c', 'd'], TARGETS);
    expect(weights).toEqual(Float32Array.of(1, 2.5, 1, 0));
    expect(classWeights({}, ['toString', 'b'], TARGETS)).toEqual(Float32Array.of(1, 1));
  });

  it('are rows / (classes that occur * rows of the class) if balanced', () => {
    // 6 / (3 * 3), 6 / (3 * 2), a class without rows, 6 / (3 * 1)
    expect(classWeights('balanced', ['a', 'b', 'c', 'd'], TARGETS)).toEqual(Float32Array.of(6 / 9, 1, 0, 2));
  });
});

const dataset = await loadSmallDataset();

describe('a job with class weights and label smoothing', () => {
  const history = (training: object) => runJob(smallSpec({ training }), dataset).history;

  it('weights its training loss, but neither accuracy nor validation', () => {
    const [plain, doubled] = [
      {},
      { class_weight: Object.fromEntries(dataset.shape.classes!.map((c) => [c, 2])) },
    ].map(
      // No update before the first and only step is measured.
      (options) => history({ epochs: 1, batch_size: 240, ...options })[0]!,
    );
    expect(doubled!.loss).toBe(2 * plain!.loss);
    expect(doubled!.accuracy).toBe(plain!.accuracy);
  });

  it('does not learn from a class that weighs nothing', () => {
    const none = Object.fromEntries(dataset.shape.classes!.map((label) => [label, 0]));
    const before = runJob(smallSpec({ training: { class_weight: none, epochs: 2 } }), dataset);
    expect(before.history[1]).toMatchObject({ loss: 0, val_loss: before.history[0]!.val_loss });
  });

  it('counts the rows of balanced weights without those of validation', () => {
    // All of class 9 are held out: then its weight does not matter, and the others' are those of 240 rows.
    const targets = dataset.train.targets.map((target, row) => (row < 240 ? target % 2 : 9));
    const two = { ...dataset, train: { ...dataset.train, targets } };
    const ones = targets.subarray(0, 240).filter((target) => target === 1).length;
    const map = { 0: 120 / (240 - ones), 1: 120 / ones };
    const runs = ['balanced' as const, map].map((class_weight) => {
      return runJob(smallSpec({ training: { class_weight, epochs: 1 } }), two).engine.state().weights;
    });
    expect(runs[0]).toEqual(runs[1]);
  });

  it('smooths the targets of validation too', () => {
    const [plain, smoothed] = [0, 0.2].map((label_smoothing) => {
      // A rate so small that nothing is learned: both measure the same model.
      const optimizer = { type: 'sgd', learning_rate: 1e-30 };
      return runJob(smallSpec({ training: { epochs: 1, label_smoothing }, optimizer }), dataset).history[0]!;
    });
    expect(smoothed!.val_accuracy).toBe(plain!.val_accuracy);
    expect(Math.abs(smoothed!.val_loss! - plain!.val_loss!)).toBeGreaterThan(1e-3);
    expect(Math.abs(smoothed!.loss - plain!.loss)).toBeGreaterThan(1e-3);
  });

  it.each(['native', 'wasm'] as const)('has the bits of the reference engine on %s', (fast) => {
    const training = {
      class_weight: 'balanced' as const,
      label_smoothing: 0.1,
      validation: 'random' as const,
    };
    const [run, reference] = [fast, 'reference' as const].map((engine) =>
      runJob(smallSpec({ engine, training }), dataset),
    );
    expect(run!.history).toEqual(reference!.history);
    expectSameState(run!.engine, reference!.engine);
  });
});

describe('a job with l1 and l2', () => {
  const model = { hidden_units: [12], l1: 0.001, l2: 0.002 };

  it.each(['native', 'wasm'] as const)('has the bits of the reference engine on %s', (fast) => {
    const [run, reference] = [fast, 'reference' as const].map((engine) =>
      runJob(smallSpec({ engine, model }), dataset),
    );
    expect(run!.history).toEqual(reference!.history);
    expectSameState(run!.engine, reference!.engine);
  });

  it('has the penalty in val_loss and in the loss of the test, and smaller weights', () => {
    const { engine, history } = runJob(smallSpec({ model, training: { epochs: 1 } }), dataset);
    const totals = noTotals();
    engine.evaluate(imagesOf(dataset.train), dataset.train.targets, 240, 300, totals);
    expect(history[0]!.val_loss).toBe(totals.lossSum / 60 + engine.penalty());
    const evaluating = evaluate({ dataset, engine });
    let next = evaluating.next(1000);
    while (next.done !== true) next = evaluating.next(1000);
    const { losses } = engine.predict(imagesOf(dataset.test), dataset.test.targets, 0, 100);
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / 100;
    expect(next.value).toMatchObject({ evaluation: { loss: mean + engine.penalty() } });

    const size = (run: { engine: Engine }) =>
      run.engine.state().weights.reduce((sum, w) => sum + Math.abs(w), 0);
    const plain = runJob(smallSpec({ model: { hidden_units: [12] }, training: { epochs: 1 } }), dataset);
    expect(size({ engine })).toBeLessThan(size(plain));
  });
});
