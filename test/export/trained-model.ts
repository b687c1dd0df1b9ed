import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JobSpecSchema } from '../../src/contract/job-spec.ts';
import type { Preprocessing } from '../../src/contract/model-export.ts';
import { type Dataset, openDataset } from '../../src/dataset/prepared.ts';
import { resolveDataset } from '../../src/dataset/registry.ts';
import { newValues, type Values } from '../../src/engine/engine.ts';
import { type ExportedModel, exportedModel } from '../../src/export/exported-model.ts';
import { evaluate } from '../../src/training/evaluate.ts';
import { weightsSha256 } from '../../src/training/hashes.ts';
import { decodeModel, encodeModel } from '../../src/training/model-file.ts';
import { runJob } from '../training/small-job.ts';

export interface TrainedModel {
  exported: (preprocessing: Preprocessing) => ExportedModel;
  /** (rows, inputs): the test rows, as the dataset has them. */
  values: Values;
  /** (rows, classes): what the engine that trained it predicts. */
  probabilities: Float32Array;
}

/** A model that was trained for one epoch, on mnist_sample if the spec names nothing else, and read back from its file. */
export async function trainedModel(spec: object = {}): Promise<TrainedModel> {
  const folder = mkdtempSync(join(tmpdir(), 'descent-'));
  const parsed = JobSpecSchema.parse({
    dataset: 'mnist_sample',
    training: { epochs: 1 },
    engine: 'wasm',
    ...spec,
  });
  const dataset = await openDataset(resolveDataset(parsed.dataset), folder);
  const model = trainedModelOn(parsed, dataset);
  dataset.close();
  rmSync(folder, { recursive: true });
  return model;
}

/** The same on an open dataset. */
export function trainedModelOn(spec: object, dataset: Dataset): TrainedModel {
  const parsed = JobSpecSchema.parse(spec);
  const { engine } = runJob(parsed, dataset);
  const { test, shape } = dataset;
  const values = newValues(shape.storage, test.rows * shape.inputs);
  test.readValues(values, 0);
  const { outputs } = engine.predict(values, dataset.test.targets, 0, dataset.test.rows);
  const evaluating = evaluate({ dataset, engine });
  let next = evaluating.next(1000);
  while (next.done !== true) next = evaluating.next(1000);
  if (next.value.outcome !== 'evaluated') throw new Error('the job diverged');
  const job = { spec: parsed, data: dataset.shape };
  const state = engine.state();
  const file = decodeModel(encodeModel(state, next.value.predicted, job), job);
  return {
    values,
    probabilities: outputs,
    exported: (preprocessing) =>
      exportedModel({
        ...job,
        job: 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2W',
        file,
        weightsSha256: weightsSha256(state.weights),
        version: '0.0.0',
        preprocessing,
      }),
  };
}

/** The largest difference of two lists of numbers. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i += 1) largest = Math.max(largest, Math.abs(a[i]! - b[i]!));
  return largest;
}
