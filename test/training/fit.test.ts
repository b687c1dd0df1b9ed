import { describe, expect, it } from 'vitest';
import { noTotals } from '../../src/engine/engine.ts';
import { epochOrder } from '../../src/engine/random.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/training/checkpoint.ts';
import { fit } from '../../src/training/fit.ts';
import { metricsSha256, weightsSha256 } from '../../src/training/hashes.ts';
import { EMPTY_LOG } from '../../src/training/training-log.ts';
import { expectSameState } from '../engine/engine-runs.ts';
import { OPTIMIZERS } from '../engine/small-problem.ts';
import {
  imagesOf,
  inMemory,
  loadSmallDataset,
  makeEngine,
  runJob,
  smallSpec,
  withoutTimes,
} from './small-job.ts';

const dataset = await loadSmallDataset();

const hashes = ({ modelWeights, history }: ReturnType<typeof runJob>) => ({
  weights: weightsSha256(modelWeights),
  metrics: metricsSha256(history, 'classification'),
});

describe('a small run', () => {
  const run = runJob(smallSpec(), dataset);

  it('gives these weights and this history on every machine', () => {
    expect(run.outcome).toEqual({ outcome: 'completed' });
    expect(hashes(run)).toEqual(GOLDEN);
  });

  it('learns, and reports each epoch once', () => {
    expect(run.history.map(({ epoch, step }) => [epoch, step])).toEqual([
      [1, 8],
      [2, 16],
      [3, 24],
      [4, 32],
    ]);
    expect(run.history.every(({ learning_rate }) => learning_rate === 0.001)).toBe(true);
    expect(run.history[3].loss).toBeLessThan(run.history[0].loss);
    expect(run.history[3].val_accuracy).toBeGreaterThan(0.3);
  });

  it('gives the same bits for the same seed, and others for another seed', () => {
    expect(hashes(runJob(smallSpec(), dataset))).toEqual(hashes(run));
    const other = hashes(runJob(smallSpec({ training: { seed: 43 } }), dataset));
    expect(other.weights).not.toBe(GOLDEN.weights);
    expect(other.metrics).not.toBe(GOLDEN.metrics);
  });

  it('starts with the same epochs, however many follow', () => {
    const short = runJob(smallSpec({ training: { epochs: 2 } }), dataset);
    expect(short.history).toEqual(run.history.slice(0, 2));
  });
});

const GOLDEN = {
  weights: 'f1273dc9cc3d000d435afe03494928422459ad6e15eed86748fa34284e73312a',
  metrics: '34d0031bc5c5676bd4c7e833d976cc16fb6ef984c73d96c90287e40dad4cab2b',
};

describe('the size of the slices', () => {
  const spec = smallSpec({ training: { epochs: 2, batch_size: 7 } });
  const whole = runJob(spec, dataset);

  it.each([1, 2, 3, 4, 5])('changes no bit of weights, slots and metrics (%i)', (seed) => {
    let state = seed;
    const random = (below: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    const cut = runJob(spec, dataset, { pull: () => [undefined, 0, 1, random(9), random(60)][random(5)] });
    expect(cut.history).toEqual(whole.history);
    expectSameState(cut.engine, whole.engine);
    expect(hashes(cut)).toEqual(hashes(whole));
  });

  it('limits the work before the next yield', () => {
    const steps = fit({ spec, dataset, engine: makeEngine(spec, dataset) });
    const pull = (n?: number) => steps.next(n).value;
    expect(pull()).toMatchObject({ type: 'steps', epoch: 1, step: 1 });
    expect(pull(10)).toMatchObject({ type: 'steps', epoch: 1, step: 11 });
    expect(pull(0)).toMatchObject({ type: 'steps', epoch: 1, step: 12 });
    expect(pull(2.9)).toMatchObject({ type: 'steps', epoch: 1, step: 14 });
    expect(pull(Infinity)).toMatchObject({ type: 'steps', epoch: 1, step: 35 });
    expect(pull(4)).toEqual({ type: 'validation', epoch: 1, row: 7 });
    expect(pull(2)).toEqual({ type: 'validation', epoch: 1, row: 21 });
    expect(pull(Number.NaN)).toEqual({ type: 'validation', epoch: 1, row: 28 });
    expect(pull(100)).toEqual({ type: 'validation', epoch: 1, row: 60 });
    expect(pull(100)).toMatchObject({ type: 'epoch', row: { epoch: 1, step: 35 } });
    expect(pull(100)).toMatchObject({ type: 'steps', epoch: 2, step: 36 });
  });
});

describe('resuming', () => {
  it.each(Object.entries(OPTIMIZERS))(
    'after any epoch gives the result of an uninterrupted run, with %s',
    (_, optimizer) => {
      const spec = smallSpec({ optimizer });
      const job = { spec, data: dataset.shape };
      const unbroken = runJob(spec, dataset);
      expect(unbroken.checkpoints).toHaveLength(4);
      for (const checkpoint of unbroken.checkpoints) {
        const resume = decodeCheckpoint(encodeCheckpoint(checkpoint, job), job);
        const resumed = runJob(spec, dataset, { resume });
        expect(resumed.outcome).toEqual({ outcome: 'completed' });
        expect(resumed.checkpoints).toHaveLength(4 - checkpoint.epoch);
        expect(withoutTimes(resumed.history)).toEqual(unbroken.history);
        expectSameState(resumed.engine, unbroken.engine);
        expect(hashes(resumed)).toEqual(hashes(unbroken));
      }
    },
  );
});

describe('the learning rate', () => {
  /** A whole run, and runs that resume from each of its checkpoints: all must be the same. */
  const expectSameResumed = (spec: ReturnType<typeof smallSpec>) => {
    const job = { spec, data: dataset.shape };
    const whole = runJob(spec, dataset);
    const cut = runJob(spec, dataset, { pull: () => 3 });
    expect(hashes(cut)).toEqual(hashes(whole));
    for (const checkpoint of whole.checkpoints.slice(0, -1)) {
      const resume = decodeCheckpoint(encodeCheckpoint(checkpoint, job), job);
      const resumed = runJob(spec, dataset, { resume });
      expect(withoutTimes(resumed.history)).toEqual(whole.history);
      expect(hashes(resumed)).toEqual(hashes(whole));
    }
    return whole;
  };

  it('of a schedule is that of each step of the job; a row has that of its last step', () => {
    const learning_rate = {
      type: 'inverse_time_decay',
      initial_learning_rate: 0.01,
      decay_steps: 1,
      decay_rate: 1,
    };
    const { history } = expectSameResumed(smallSpec({ optimizer: { type: 'adamw', learning_rate } }));
    // Epoch e has the steps 8 (e - 1) .. 8 e - 1: step s has the rate 0.01 / (1 + s).
    expect(history.map((row) => row.learning_rate)).toEqual([0.01 / 8, 0.01 / 16, 0.01 / 24, 0.01 / 32]);
  });

  it('of a constant schedule gives the bits of the number', () => {
    const learning_rate = { type: 'piecewise_constant_decay', boundaries: [5], values: [0.001, 0.001] };
    const constant = runJob(smallSpec({ optimizer: { type: 'rmsprop', learning_rate } }), dataset);
    expect(hashes(constant)).toEqual(GOLDEN);
  });

  it('is reduced on a plateau, also by a resumed job', () => {
    // With such a min_delta, only the first epoch improves.
    const reduce_lr_on_plateau = { patience: 1, factor: 0.5, min_delta: 100 };
    const { history } = expectSameResumed(smallSpec({ training: { reduce_lr_on_plateau } as object }));
    expect(history.map((row) => row.learning_rate)).toEqual([0.001, 0.001, 0.0005, 0.00025]);
  });
});

describe('early stopping', () => {
  const spec = smallSpec({ training: { early_stopping: { patience: 2, min_delta: 100 } } as object });
  const job = { spec, data: dataset.shape };
  const whole = runJob(spec, dataset);

  it('ends the training after the epoch that has waited long enough', () => {
    expect(whole.outcome).toEqual({ outcome: 'completed' });
    expect(whole.history.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
  });

  it('changes no bit of the epochs before', () => {
    expect(whole.history).toEqual(runJob(smallSpec(), dataset).history.slice(0, 3));
  });

  it('tells which epoch is the last', () => {
    const steps = fit({ spec, dataset, engine: makeEngine(spec, dataset) });
    const lasts: boolean[] = [];
    for (const each of { [Symbol.iterator]: () => steps }) if (each.type === 'epoch') lasts.push(each.last);
    expect(lasts).toEqual([false, false, true]);
  });

  it('ends a resumed job in the same epoch, or at once where it should have ended', () => {
    for (const checkpoint of whole.checkpoints) {
      const resume = decodeCheckpoint(encodeCheckpoint(checkpoint, job), job);
      const resumed = runJob(spec, dataset, { resume });
      expect(resumed.outcome).toEqual({ outcome: 'completed' });
      expect(withoutTimes(resumed.history)).toEqual(whole.history);
      expect(hashes(resumed)).toEqual(hashes(whole));
    }
  });
});

describe('restore_best_weights', () => {
  /** With such a min_delta, the first epoch that is watched is the best. */
  const restoring = (options: object) =>
    smallSpec({
      optimizer: { type: 'adam' },
      training: { early_stopping: { restore_best_weights: true, min_delta: 100, ...options } } as object,
    });
  const plain = runJob(smallSpec({ optimizer: { type: 'adam' } }), dataset);
  const weightsAfter = (epoch: number) => plain.checkpoints[epoch - 1]!.state.weights;

  it.each([
    ['stopped early', { patience: 2 }, 3, 1],
    ['trained all epochs', { patience: 9 }, 4, 1],
    ['did not watch the first', { patience: 9, start_from_epoch: 2 }, 4, 3],
    ['watched none', { start_from_epoch: 9 }, 4, 4],
    // The wait goes on without reaching the baseline, but the best is the best.
    ['improved below the baseline alone', { patience: 3, min_delta: 0, baseline: -1 }, 4, 4],
  ])('gives a job that %s the weights of its best epoch', (_, options, epochs, best) => {
    const run = runJob(restoring(options), dataset);
    expect(run.history).toEqual(plain.history.slice(0, epochs));
    expect(run.modelWeights).toEqual(weightsAfter(best));
    // Checkpoints go on from where the training was.
    expect(run.engine.state()).toEqual(plain.checkpoints[epochs - 1]!.state);
  });

  it('restores the same in a job that was resumed, in the same epoch', () => {
    for (const options of [
      { patience: 2 },
      { patience: 9, start_from_epoch: 2 },
      { min_delta: 0, patience: 1 },
    ]) {
      const spec = restoring(options);
      const job = { spec, data: dataset.shape };
      const whole = runJob(spec, dataset);
      for (const checkpoint of whole.checkpoints) {
        const resume = decodeCheckpoint(encodeCheckpoint(checkpoint, job), job);
        const resumed = runJob(spec, dataset, { resume });
        expect(resumed.outcome).toEqual({ outcome: 'completed' });
        expect(withoutTimes(resumed.history)).toEqual(whole.history);
        expect(hashes(resumed)).toEqual(hashes(whole));
        expectSameState(resumed.engine, whole.engine);
      }
    }
  });
});

describe('the validation split', () => {
  it('takes the last rows, before shuffling', () => {
    // Spoil the last 60 of 300 labels: the train metrics must not change.
    const targets = dataset.train.targets.slice().fill(0, 240);
    const spoilt = { ...dataset, train: { ...dataset.train, targets } };
    const [clean, dirty] = [runJob(smallSpec(), dataset), runJob(smallSpec(), spoilt)];
    const lossOf = (run: typeof clean) => run.history.map(({ loss, accuracy }) => [loss, accuracy]);
    expect(lossOf(dirty)).toEqual(lossOf(clean));
    expect(dirty.history[0].val_loss).not.toBe(clean.history[0].val_loss);

    const early = dataset.train.targets.slice();
    early[239] = (early[239] + 1) % 10;
    const touched = runJob(smallSpec(), { ...dataset, train: { ...dataset.train, targets: early } });
    expect(lossOf(touched)).not.toEqual(lossOf(clean));
  });

  it('trains on every row and validates none if it is 0', () => {
    const run = runJob(smallSpec({ training: { validation_split: 0, epochs: 1 } }), dataset);
    expect(run.history).toMatchObject([{ step: 10, val_loss: null, val_accuracy: null }]);
  });

  it('is measured exactly, at the end of the epoch, in file order', () => {
    const { engine, history } = runJob(smallSpec({ training: { epochs: 1 } }), dataset);
    const totals = noTotals();
    engine.evaluate(imagesOf(dataset.train), dataset.train.targets, 240, 300, totals);
    expect(history[0]).toMatchObject({
      val_loss: totals.lossSum / 60,
      val_accuracy: totals.correct / 60,
    });
  });
});

describe("the epoch's loss and accuracy", () => {
  it('are running means over the batches, each measured before its own update and weighted by its rows', () => {
    const spec = smallSpec({ training: { epochs: 1, batch_size: 100 } });
    const order = epochOrder(42, 1, 240);
    const engine = makeEngine(spec, dataset);
    const images = imagesOf(dataset.train);
    let [lossSum, correct] = [0, 0];
    for (const [batch, [from, to]] of [
      [0, 100],
      [100, 200],
      [200, 240],
    ].entries()) {
      // Measured in a second engine that has trained the previous batches.
      const measuring = makeEngine(spec, dataset);
      measuring.train(order, 0, new Float64Array(batch).fill(0.001));
      for (let k = from!; k < to!; k += 1) {
        const totals = noTotals();
        measuring.evaluate(images, dataset.train.targets, order[k], order[k] + 1, totals);
        lossSum += totals.lossSum;
        correct += totals.correct;
      }
      engine.train(order, batch, Float64Array.of(0.001));
    }
    const { history } = runJob(spec, dataset);
    expect(history[0].loss).toBeCloseTo(lossSum / 240, 12);
    expect(history[0].accuracy).toBe(correct / 240);
  });
});

describe('shuffle', () => {
  it('gives each epoch its own order; without shuffle, all use the order of the file', () => {
    const orders = (shuffle: boolean) => {
      const spec = smallSpec({ training: { epochs: 2, shuffle } });
      const engine = makeEngine(spec, dataset);
      const seen: number[][] = [];
      const { train, measureStep } = engine;
      engine.train = (order, from, rates) => {
        if (from === 0) seen.push([...order]);
        return train.call(engine, order, from, rates);
      };
      engine.measureStep = (order, from, rate, fired) => {
        if (from === 0) seen.push([...order]);
        return measureStep.call(engine, order, from, rate, fired);
      };
      for (const _ of fit({ spec, dataset, engine }));
      return seen;
    };
    const inFileOrder = Array.from({ length: 240 }, (_, row) => row);
    expect(orders(false)).toEqual([inFileOrder, inFileOrder]);
    expect(orders(true)).toEqual([[...epochOrder(42, 1, 240)], [...epochOrder(42, 2, 240)]]);
  });
});

describe('divergence', () => {
  const optimizer = { type: 'sgd', learning_rate: 10 };
  const spec = smallSpec({ optimizer, model: { hidden_units: [64, 64, 64, 64] } });

  it.each([1, 3, 1000])(
    'ends the job at the step where the loss stops being finite, in slices of %i',
    (n) => {
      const { outcome, history } = runJob(spec, dataset, { pull: () => n });
      expect(outcome).toMatchObject({ outcome: 'diverged', epoch: 1, step: DIVERGES_AT });
      expect(history).toEqual([]);
    },
  );

  it('counts steps over the whole job', () => {
    const run = runJob(smallSpec(), dataset);
    const resume = run.checkpoints[1];
    resume.state.weights.fill(Number.NaN);
    expect(runJob(smallSpec(), dataset, { resume }).outcome).toMatchObject({
      outcome: 'diverged',
      epoch: 3,
      step: 17,
    });
  });

  it('is detected at the end of the epoch in weights and slots that affect no loss', () => {
    const spec = smallSpec({ training: { epochs: 2 } });
    const state = makeEngine(spec, dataset).state();
    // The top left pixel is dark in all images.
    state.slots[0].values[0] = Number.NaN;
    const run = runJob(spec, dataset, {
      resume: { epoch: 1, state: { ...state, steps: 8 }, history: [], log: EMPTY_LOG },
    });
    expect(run.outcome).toMatchObject({ outcome: 'diverged', epoch: 2, step: 16 });
  });

  it('is detected in validation rows, so that the loop never yields an infinite loss', () => {
    // Give a pixel that is lit only in validation rows weights too large for a float32 sum.
    const { targets, rows } = dataset.train;
    const images = imagesOf(dataset.train);
    const dark = Array.from({ length: 784 }, (_, i) => i).find((i) => {
      for (let row = 0; row < 240; row += 1) if (images[row * 784 + i] !== 0) return false;
      return true;
    })!;
    for (let row = 240; row < rows; row += 1) images[row * 784 + dark] = 255;
    const spoilt = { ...dataset, train: inMemory(images, targets) };
    const spec = smallSpec({ model: { hidden_units: [] }, training: { epochs: 2 } });
    const state = makeEngine(spec, spoilt).state();
    state.weights.fill(3e38, dark * 10, dark * 10 + 5);
    state.weights.fill(-3e38, dark * 10 + 5, dark * 10 + 10);
    const run = runJob(spec, spoilt, {
      resume: { epoch: 1, state: { ...state, steps: 8 }, history: [], log: EMPTY_LOG },
    });
    expect(run.outcome).toMatchObject({ outcome: 'diverged', epoch: 2, step: 16 });
  });
});

const DIVERGES_AT = 5;
