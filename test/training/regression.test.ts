import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { EvaluationSchema, type NumberEvaluation } from '../../src/contract/evaluation.ts';
import { type JobSpec, JobSpecSchema } from '../../src/contract/job-spec.ts';
import { EpochMetricsSchema } from '../../src/contract/metrics.ts';
import { type Dataset, openDataset } from '../../src/dataset/prepared.ts';
import { resolveDataset } from '../../src/dataset/registry.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { evaluate } from '../../src/training/evaluate.ts';
import { metricsSha256, weightsSha256 } from '../../src/training/hashes.ts';
import { specFingerprint } from '../../src/training/spec-fingerprint.ts';
import { runJob } from './small-job.ts';

/** A number to predict: the built-in wave, from its points to an evaluation. */

const dataDir = mkdtempSync(join(tmpdir(), 'descent-'));
const dataset = await openDataset(resolveDataset('sine'), dataDir);
afterAll(() => {
  dataset.close();
  rmSync(dataDir, { recursive: true });
});

const { data, target } = { data: dataset.shape, target: dataset.shape.target! };

/** The example of the OpenAPI document. Over seeds, its R2 is 0.993 to 0.994; the noise of the wave allows 0.995. */
const spec = (changes: Partial<JobSpec> = {}): JobSpec => ({
  ...JobSpecSchema.parse({
    dataset: 'sine',
    model: { hidden_units: [64, 32] },
    optimizer: { type: 'adam', learning_rate: 0.003 },
    training: { epochs: 60, batch_size: 64 },
  }),
  ...changes,
});

function evaluated(of: Dataset, engine: Engine) {
  const evaluating = evaluate({ dataset: of, engine });
  let next = evaluating.next(3);
  while (next.done !== true) next = evaluating.next(3);
  if (next.value.outcome !== 'evaluated') throw new Error(next.value.outcome);
  return {
    evaluation: next.value.evaluation as NumberEvaluation,
    predicted: next.value.predicted as Float32Array,
  };
}

describe('sine', () => {
  const { engine, history, checkpoints } = runJob(spec({ engine: 'wasm' }), dataset);
  const { evaluation, predicted } = evaluated(dataset, engine);
  const targets = dataset.test.targets as Float32Array;

  it('is learnt to an R2 above 0.99', () => {
    expect(EvaluationSchema.parse(evaluation)).toEqual(evaluation);
    expect(evaluation.r2).toBeGreaterThan(0.99);
  });

  it('has errors in the unit of the data, which its test rows confirm', () => {
    const residuals = Array.from(targets, (y, r) => (y - predicted[r]!) * target.deviation);
    const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(evaluation.mae).toBeCloseTo(mean(residuals.map(Math.abs)), 12);
    expect(evaluation.rmse).toBeCloseTo(Math.sqrt(mean(residuals.map((e) => e * e))), 12);
    // The noise of the wave has a deviation of 0.05: no model can be better.
    expect(evaluation.rmse).toBeGreaterThan(0.045);
    expect(evaluation.rmse).toBeLessThan(0.06);
    expect(evaluation.loss).toBeCloseTo((evaluation.rmse / target.deviation) ** 2, 6);
    const { edges, counts } = evaluation.residuals;
    expect([edges.length, counts.length]).toEqual([21, 20]);
    expect([edges[0], edges[20]]).toEqual([Math.min(...residuals), Math.max(...residuals)]);
    const inBin = (value: number, i: number) =>
      value >= edges[i]! && (value < edges[i + 1]! || (i === 19 && value === edges[20]));
    expect(counts).toEqual(counts.map((_, i) => residuals.filter((value) => inBin(value, i)).length));
  });

  it('lists the rows that it is worst at, in the unit of the data', () => {
    const { worst_rows: worst } = evaluation;
    expect(worst).toHaveLength(20);
    const losses = Array.from(targets, (y, r) => (y - predicted[r]!) ** 2);
    const expected = losses
      .map((loss, index) => ({ index, loss }))
      .sort((a, b) => b.loss - a.loss)
      .slice(0, 20);
    expect(worst.map(({ index }) => index)).toEqual(expected.map(({ index }) => index));
    for (const { index, actual, predicted: number } of worst) {
      expect(actual).toBeCloseTo(target.mean + target.deviation * targets[index]!, 6);
      expect(number).toBe(target.mean + target.deviation * predicted[index]!);
    }
  });

  it('has a history of errors instead of accuracies', () => {
    for (const row of history) {
      const timed = { ...row, duration_seconds: 1, steps_per_second: 1 };
      expect(EpochMetricsSchema.parse(timed)).toEqual(timed);
      expect([row.accuracy, row.val_accuracy]).toEqual([null, null]);
    }
    const { val_mae, mae } = history.at(-1)!;
    expect(val_mae).toBeLessThan(0.06);
    expect(mae).toBeLessThan(0.06);
    expect(history[0]!.val_mae).toBeGreaterThan(0.06);
  });

  it('has the same bits from every engine, and from a checkpoint on', () => {
    const hashes = (run: ReturnType<typeof runJob>) => [
      weightsSha256(run.engine.state().weights),
      metricsSha256(run.history, 'regression'),
    ];
    const short = { ...spec().training, epochs: 6 };
    const expected = hashes(runJob(spec({ engine: 'reference', training: short }), dataset));
    for (const name of ['wasm', 'native'] as const) {
      expect(hashes(runJob(spec({ engine: name, training: short }), dataset))).toEqual(expected);
    }
    const resumed = runJob(spec({ engine: 'wasm', training: short }), dataset, { resume: checkpoints[2]! });
    expect(hashes(resumed)).toEqual(expected);
  });
});

it.each(['mse', 'mae', 'huber'] as const)('%s trains a model of its own', (loss) => {
  const training = { ...spec().training, epochs: 30 };
  const { engine } = runJob(spec({ loss, training, engine: 'wasm' }), dataset);
  expect(evaluated(dataset, engine).evaluation.r2).toBeGreaterThan(0.98);
});

it('knows a job by its loss, where there are several', () => {
  const fingerprint = (loss?: 'mse' | 'mae') => specFingerprint({ spec: spec(loss && { loss }), data });
  expect(fingerprint('mae')).not.toBe(fingerprint('mse'));
  // The default is mse.
  expect(fingerprint()).toBe(fingerprint('mse'));
  const classes = { spec: JobSpecSchema.parse({}), data: resolveDataset('mnist') };
  const named = { ...classes, spec: { ...classes.spec, loss: 'categorical_crossentropy' as const } };
  expect(specFingerprint(named)).toBe(specFingerprint(classes));
});

describe('an evaluation', () => {
  const { engine } = runJob(spec({ training: { ...spec().training, epochs: 1 } }), dataset);

  const withTargets = (targets: Float32Array): Dataset => ({
    ...dataset,
    shape: { ...data, target: { mean: 20, deviation: 3 } },
    test: {
      rows: targets.length,
      targets,
      storage: 'f32',
      readValues: (into) => {
        into.fill(0);
      },
    },
  });

  it('has no R2 where all test rows are the same', () => {
    const { evaluation, predicted } = evaluated(withTargets(new Float32Array(5).fill(0.5)), engine);
    expect(evaluation.r2).toBeNull();
    const residual = (0.5 - predicted[0]!) * 3;
    expect(evaluation.residuals.edges[0]).toBe(residual - 0.5);
    expect(evaluation.residuals.counts.reduce((sum, count) => sum + count)).toBe(5);
    // Equal losses keep the order of the file.
    expect(evaluation.worst_rows.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
  });

  it('shows targets as they were in the source', () => {
    const source = [21.5, 1.25, 33.3, 20];
    const { evaluation } = evaluated(
      withTargets(Float32Array.from(source, (value) => (value - 20) / 3)),
      engine,
    );
    expect(evaluation.worst_rows.map(({ actual }) => actual).sort()).toEqual(source.sort());
  });
});
