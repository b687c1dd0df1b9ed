import { describe, expect, it } from 'vitest';
import type { EngineName, JobSpec } from '../../src/contract/job-spec.ts';
import { loadEngine } from '../../src/engine/engines.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/training/checkpoint.ts';
import { evaluate } from '../../src/training/evaluate.ts';
import { metricsSha256, weightsSha256 } from '../../src/training/hashes.ts';
import { ACTIVATIONS, OPTIMIZERS } from '../engine/small-problem.ts';
import { loadSmallDataset, type Run, runJob, smallSpec, withoutTimes } from './small-job.ts';

/** Runs the same job on real digits with the reference engine and with each of the fast ones. */

const dataset = await loadSmallDataset();
const data = dataset.shape;

const hashes = ({ engine, history }: Run) => ({
  weights: weightsSha256(engine.state().weights),
  metrics: metricsSha256(history, data.task),
});

const runs = new Map<string, Run>();

/** The run of a job from its beginning; tests that compare it with others share it, and do not train it further. */
function wholeRun(spec: JobSpec): Run {
  const key = JSON.stringify(spec);
  const run = runs.get(key) ?? runJob(spec, dataset);
  runs.set(key, run);
  return run;
}

function evaluation({ engine }: Run) {
  const measuring = evaluate({ dataset, engine });
  for (;;) {
    const next = measuring.next(3);
    if (next.done) return next.value;
  }
}

for (const fast of ['native', 'wasm'] as const) {
  const loaded = await loadEngine(fast);
  const title = loaded.available ? fast : `${fast}: ${loaded.reason}`;

  describe.skipIf(!loaded.available)(title, () => {
    describe.each(Object.entries(OPTIMIZERS))('with %s', (_, optimizer) => {
      const spec = (engine: EngineName) => smallSpec({ engine, optimizer });

      it('gives the same hashes, history and evaluation', () => {
        const [run, reference] = [wholeRun(spec(fast)), wholeRun(spec('reference'))];
        expect(hashes(run)).toEqual(hashes(reference));
        expect(withoutTimes(run.history)).toEqual(withoutTimes(reference.history));
        expect(evaluation(run)).toEqual(evaluation(reference));
      });

      it('resumes from any checkpoint of the reference engine, and vice versa', () => {
        const [run, reference] = [wholeRun(spec(fast)), wholeRun(spec('reference'))];
        for (const [from, to] of [
          [reference, fast],
          [run, 'reference'],
        ] as const) {
          for (const checkpoint of from.checkpoints.slice(0, -1)) {
            const resume = decodeCheckpoint(encodeCheckpoint(checkpoint, { spec: spec('reference'), data }), {
              spec: spec(to),
              data,
            });
            expect(hashes(runJob(spec(to), dataset, { resume }))).toEqual(hashes(reference));
          }
        }
      });
    });

    it.each(ACTIVATIONS)(
      'gives the same hashes with dropout after %s, and resumes from checkpoints',
      (activation) => {
        const model = { hidden_units: [12, 9], activation, dropout: 0.3 };
        const reference = wholeRun(smallSpec({ engine: 'reference', model }));
        const run = wholeRun(smallSpec({ engine: fast, model }));
        expect(hashes(run)).toEqual(hashes(reference));
        for (const [from, to] of [
          [reference, fast],
          [run, 'reference'],
        ] as const) {
          const spec = smallSpec({ engine: to, model });
          for (const checkpoint of from.checkpoints.slice(0, -1)) {
            const resume = decodeCheckpoint(encodeCheckpoint(checkpoint, { spec, data }), { spec, data });
            expect(hashes(runJob(spec, dataset, { resume }))).toEqual(hashes(reference));
          }
        }
      },
    );

    it('diverges in the same epoch at the same step with a learning rate of 10', () => {
      const optimizer = { type: 'sgd', learning_rate: 10 };
      const diverging = (engine: EngineName) =>
        runJob(smallSpec({ engine, optimizer, model: { hidden_units: new Array(4).fill(128) } }), dataset)
          .outcome;
      expect(diverging(fast)).toEqual(diverging('reference'));
      expect(diverging(fast)).toMatchObject({ outcome: 'diverged' });
    });
  });
}
