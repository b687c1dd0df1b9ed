import { describe, expect, it } from 'vitest';
import type { EngineName } from '../../src/contract/job-spec.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/training/checkpoint.ts';
import { evaluate } from '../../src/training/evaluate.ts';
import { metricsSha256, weightsSha256 } from '../../src/training/hashes.ts';
import { OPTIMIZERS } from '../engine/small-problem.ts';
import { loadSmallDataset, type Run, runJob, smallSpec, withoutTimes } from './small-job.ts';

/** The same job through the epoch loop, on real digits, by each engine. */

const dataset = await loadSmallDataset();

const hashes = ({ engine, history }: Run) => ({
  weights: weightsSha256(engine.state().weights),
  metrics: metricsSha256(history),
});

function evaluation({ engine }: Run) {
  const measuring = evaluate({ dataset, engine });
  for (;;) {
    const next = measuring.next(3);
    if (next.done) return next.value;
  }
}

describe.each(Object.entries(OPTIMIZERS))('with %s', (_, optimizer) => {
  const spec = (engine: EngineName) => smallSpec({ engine, optimizer });
  const reference = runJob(spec('reference'), dataset);

  it('both engines give the same hashes, history and evaluation', () => {
    const wasm = runJob(spec('wasm'), dataset);
    expect(hashes(wasm)).toEqual(hashes(reference));
    expect(withoutTimes(wasm.history)).toEqual(withoutTimes(reference.history));
    expect(evaluation(wasm)).toEqual(evaluation(reference));
  });

  it('the checkpoint of any epoch of one engine is continued by the other', () => {
    const wasm = runJob(spec('wasm'), dataset);
    for (const checkpoint of reference.checkpoints.slice(0, -1)) {
      const bytes = encodeCheckpoint(checkpoint, spec('reference'));
      const resume = decodeCheckpoint(bytes, spec('wasm'));
      expect(hashes(runJob(spec('wasm'), dataset, { resume }))).toEqual(hashes(reference));
    }
    for (const checkpoint of wasm.checkpoints.slice(0, -1)) {
      const bytes = encodeCheckpoint(checkpoint, spec('wasm'));
      const resume = decodeCheckpoint(bytes, spec('reference'));
      expect(hashes(runJob(spec('reference'), dataset, { resume }))).toEqual(hashes(reference));
    }
  });
});

describe.each(['relu', 'tanh', 'sigmoid'] as const)('with dropout behind %s', (activation) => {
  const model = { hidden_units: [12, 9], activation, dropout: 0.3 };
  const reference = runJob(smallSpec({ engine: 'reference', model }), dataset);

  it('both engines give the same hashes, and each continues the checkpoints of the other', () => {
    const wasm = runJob(smallSpec({ engine: 'wasm', model }), dataset);
    expect(hashes(wasm)).toEqual(hashes(reference));
    for (const [from, to] of [
      [reference, 'wasm'],
      [wasm, 'reference'],
    ] as const) {
      const spec = smallSpec({ engine: to, model });
      for (const checkpoint of from.checkpoints.slice(0, -1)) {
        const resume = decodeCheckpoint(encodeCheckpoint(checkpoint, spec), spec);
        expect(hashes(runJob(spec, dataset, { resume }))).toEqual(hashes(reference));
      }
    }
  });
});

describe('a learning rate of 10', () => {
  it('diverges in the same epoch at the same step in each engine', () => {
    const optimizer = { type: 'sgd', learning_rate: 10 };
    const diverging = (engine: EngineName) =>
      runJob(smallSpec({ engine, optimizer, model: { hidden_units: new Array(4).fill(128) } }), dataset)
        .outcome;
    expect(diverging('wasm')).toEqual(diverging('reference'));
    expect(diverging('wasm')).toMatchObject({ outcome: 'diverged' });
  });
});
