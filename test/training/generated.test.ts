import { expect, it } from 'vitest';
import type { ClassEvaluation } from '../../src/contract/evaluation.ts';
import { JobSpecSchema } from '../../src/contract/job-spec.ts';
import { openDataset } from '../../src/dataset/prepared.ts';
import { resolveDataset } from '../../src/dataset/registry.ts';
import { evaluate } from '../../src/training/evaluate.ts';
import { expectSameState } from '../engine/engine-runs.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { runJob } from './small-job.ts';

/** Points in a plane, from their file to an evaluation. Half of the rows of some lie where only a curve divides them. */
it.each(['moons', 'circles', 'spirals', 'xor', 'blobs'] as const)(
  '%s is learnt by a small model, to the same bits by every engine',
  async (name) => {
    const dataset = await openDataset(resolveDataset(name), await makeTemporaryFolder());
    const run = (engine: 'wasm' | 'reference') => {
      const spec = JobSpecSchema.parse({
        dataset: name,
        model: { hidden_units: [24, 12] },
        optimizer: { type: 'adam', learning_rate: 0.01 },
        training: { epochs: 25 },
        engine,
      });
      return runJob(spec, dataset);
    };
    const { engine, history } = run('wasm');
    const reference = run('reference');
    expectSameState(engine, reference.engine);
    expect(history).toEqual(reference.history);
    const evaluating = evaluate({ dataset, engine });
    let next = evaluating.next(1000);
    while (next.done !== true) next = evaluating.next(1000);
    expect(next.value).toMatchObject({ outcome: 'evaluated' });
    if (next.value.outcome === 'evaluated') {
      const { accuracy } = next.value.evaluation as ClassEvaluation;
      expect(accuracy).toBeGreaterThan(0.95);
    }
    dataset.close();
  },
);
