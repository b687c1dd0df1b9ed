import { describe, expect, it } from 'vitest';
import { u32 } from '../../src/engine/random.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/training/checkpoint.ts';
import type { EpochResult } from '../../src/training/epoch-result.ts';
import { fit } from '../../src/training/fit.ts';
import { metricsSha256, weightsSha256 } from '../../src/training/hashes.ts';
import { optionedSpecs } from '../support/training-options.ts';
import { loadSmallDataset, makeEngine, runJob, smallSpec } from './small-job.ts';

const DRAWS = 5;
const MOST_STEPS_A_SLICE = 5;
/** An epoch has 8 steps and 2 batches of validation. */
const MOST_SLICES = 24;

const dataset = await loadSmallDataset();

const bitsOf = (weights: Float32Array, history: readonly EpochResult[]) => ({
  weights: weightsSha256(weights),
  metrics: metricsSha256(history, 'classification'),
  epochs: history.length,
});

/**
 * Trains in processes that are killed after some slices, up to three times, and write a checkpoint after some epochs.
 * Returns the bits, and after how many epochs each went on.
 */
function interrupted(spec: ReturnType<typeof smallSpec>, seed: number) {
  let drawn = 0;
  const below = (n: number) => u32(seed, 0, 0, drawn++) % n;
  const job = { spec, data: dataset.shape };
  const resumedFrom: number[] = [];
  let file: Uint8Array | undefined;
  for (let kills = 1 + below(3); ; kills -= 1) {
    const resume = file && decodeCheckpoint(file, job);
    resumedFrom.push(resume?.epoch ?? 0);
    const engine = makeEngine(spec, dataset);
    const history = [...(resume?.history ?? [])];
    let best = resume?.bestWeights;
    const training = fit({ spec, dataset, engine, resume });
    for (let left = kills === 0 ? Infinity : 1 + below(MOST_SLICES); left > 0; left -= 1) {
      const next = training.next(1 + below(MOST_STEPS_A_SLICE));
      if (next.done) {
        const weights = best ?? engine.state().weights;
        return { outcome: next.value, bits: bitsOf(weights, history), resumedFrom };
      }
      if (next.value.type !== 'epoch') continue;
      const { row, bestWeights, log } = next.value;
      best = bestWeights;
      history.push({ ...row, duration_seconds: 1, steps_per_second: 1 });
      if (below(3) === 0) continue;
      const { epoch } = row;
      file = encodeCheckpoint({ epoch, state: engine.state(), history: [...history], bestWeights, log }, job);
    }
  }
}

describe('a job that is killed again and again', () => {
  const runs = optionedSpecs({ epochs: 6, patience: 1 }).map((options) => {
    const spec = smallSpec({ engine: 'wasm', ...options });
    return { spec, whole: runJob(spec, dataset) };
  });

  it.each(runs.map((run, k) => [k + 1, run] as const))(
    'ends with the bits of an unbroken one, in configuration %i',
    (k, { spec, whole }) => {
      expect(whole.outcome).toEqual({ outcome: 'completed' });
      const expected = bitsOf(whole.modelWeights, whole.history);
      for (let draw = 0; draw < DRAWS; draw += 1) {
        const { outcome, bits, resumedFrom } = interrupted(spec, 100 * k + draw);
        expect(outcome).toEqual({ outcome: 'completed' });
        expect(bits, `after starts from the epochs ${resumedFrom}`).toEqual(expected);
      }
    },
  );

  it('stops early, and restores other weights than its last, in some of these configurations', () => {
    expect(runs.filter(({ whole }) => whole.history.length < 6).length).toBeGreaterThanOrEqual(3);
    const restored = runs.filter(({ whole: { engine, modelWeights } }) => {
      return weightsSha256(engine.state().weights) !== weightsSha256(modelWeights);
    });
    expect(restored.length).toBeGreaterThanOrEqual(3);
  });
});
