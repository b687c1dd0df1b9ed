import { describe, expect, it } from 'vitest';
import { keepsSameState } from '../../src/engine/optimizer-state.ts';
import { CheckpointError, decodeCheckpoint, encodeCheckpoint } from '../../src/training/checkpoint.ts';
import { forkCheckpoint } from '../../src/training/fork.ts';
import { weightsSha256 } from '../../src/training/hashes.ts';
import { expectSameState } from '../engine/engine-runs.ts';
import { loadSmallDataset, runJob, smallSpec, withoutTimes } from './small-job.ts';

const dataset = await loadSmallDataset();
const data = dataset.shape;
const parent = { checkpoint_sha256: 'a'.repeat(64), epoch: 2 };

const spec = smallSpec({ optimizer: { type: 'adam' }, model: { hidden_units: [12], dropout: 0.3 } });
const whole = runJob(spec, dataset);
const bytes = encodeCheckpoint(whole.checkpoints[1]!, { spec, data });

describe('forkCheckpoint', () => {
  it('goes on to the bits of the parent if nothing is changed', () => {
    const child = { spec, data, parent };
    const forked = forkCheckpoint(bytes, { spec, data }, child);
    expect(forked.steps).toBe(16);
    const resumed = runJob(spec, dataset, { resume: decodeCheckpoint(forked.bytes, child) });
    expect(withoutTimes(resumed.history)).toEqual(whole.history);
    expectSameState(resumed.engine, whole.engine);
  });

  it('begins another optimizer anew, and counts steps of other batches from those of the parent', () => {
    const other = smallSpec({
      model: spec.model,
      optimizer: { type: 'adagrad', initial_accumulator_value: 0.5 },
      training: { epochs: 3, batch_size: 60 },
    });
    const child = { spec: other, data, parent };
    const { state, epoch } = decodeCheckpoint(forkCheckpoint(bytes, { spec, data }, child).bytes, child);
    expect([epoch, state.steps, state.powers]).toEqual([2, 16, []]);
    expect(state.slots.map(({ name }) => name)).toEqual(['accumulator']);
    expect(new Set(state.slots[0]!.values)).toEqual(new Set([0.5]));
    expect(weightsSha256(state.weights)).toBe(weightsSha256(whole.checkpoints[1]!.state.weights));
    const resume = decodeCheckpoint(forkCheckpoint(bytes, { spec, data }, child).bytes, child);
    const run = runJob(other, dataset, { resume });
    // 240 rows in batches of 60.
    expect(run.history.map((row) => row.step)).toEqual([8, 16, 20]);
    expect(run.engine.state().steps).toBe(20);
  });

  it('starts the products of adam at 1', () => {
    const sgd = smallSpec({ model: spec.model, optimizer: { type: 'sgd' } });
    const made = encodeCheckpoint(runJob(sgd, dataset).checkpoints[1]!, { spec: sgd, data });
    const child = { spec, data, parent };
    const forked = decodeCheckpoint(forkCheckpoint(made, { spec: sgd, data }, child).bytes, child);
    expect(forked.state.powers).toEqual([1, 1]);
    expect(forked.state.slots.every(({ values }) => values.every((value) => value === 0))).toBe(true);
  });

  it('is of its parent alone: the spec does not decide the bits', () => {
    const child = { spec, data, parent };
    const forked = forkCheckpoint(bytes, { spec, data }, child);
    for (const stranger of [
      undefined,
      { ...parent, epoch: 1 },
      { ...parent, checkpoint_sha256: 'b'.repeat(64) },
    ]) {
      expect(() => decodeCheckpoint(forked.bytes, { spec, data, parent: stranger })).toThrow(CheckpointError);
    }
    expect(() => forkCheckpoint(forked.bytes, { spec, data }, child)).toThrow(CheckpointError);
  });
});

describe('the fork of a job that restores its best weights', () => {
  const training = { early_stopping: { restore_best_weights: true, min_delta: 100, patience: 9 } } as object;
  const restoring = smallSpec({ training });
  const [made] = runJob(restoring, dataset).checkpoints;
  const its = encodeCheckpoint(made!, { spec: restoring, data });

  it('may restore those of an epoch of its parent', () => {
    const longer = smallSpec({ training: { epochs: 6, ...training } });
    const child = { spec: longer, data, parent: { ...parent, epoch: 1 } };
    const forked = forkCheckpoint(its, { spec: restoring, data }, child);
    const run = runJob(longer, dataset, { resume: decodeCheckpoint(forked.bytes, child) });
    expect(run.history).toHaveLength(6);
    expect(run.modelWeights).toEqual(made!.state.weights);
    expect(run.engine.state()).toEqual(
      runJob(smallSpec({ training: { epochs: 6 } }), dataset).engine.state(),
    );
  });
});

describe('keepsSameState', () => {
  const optimizerOf = (optimizer: object) => smallSpec({ optimizer }).optimizer;
  it.each([
    [{ type: 'adam' }, { type: 'adam', learning_rate: 0.1, beta_1: 0.5 }, true],
    [{ type: 'adam' }, { type: 'adam', amsgrad: true }, false],
    [{ type: 'sgd' }, { type: 'sgd', momentum: 0.9 }, false],
    [{ type: 'sgd', momentum: 0.5 }, { type: 'sgd', momentum: 0.9, nesterov: true }, true],
    [{ type: 'sgd', momentum: 0.5 }, { type: 'rmsprop', momentum: 0.5 }, false],
  ])('%j -> %j: %s', (from, to, keeps) => {
    expect(keepsSameState(optimizerOf(from), optimizerOf(to))).toBe(keeps);
  });
});
