import type { JobSpec } from '../contract/job-spec.ts';
import type { Dataset } from '../dataset/prepared.ts';
import { DATASETS, trainRows } from '../dataset/registry.ts';
import type { Engine } from '../engine/engine.ts';
import type { LoadedEngine } from '../engine/engines.ts';
import { type ModelLayout, modelLayout } from '../engine/model-layout.ts';

/** The one place that turns a job's spec into what an engine is made from. */

/** The shapes of the spec's model on the spec's dataset. */
export function jobLayout(spec: JobSpec): ModelLayout {
  const { pixels, classes } = DATASETS[spec.dataset];
  return modelLayout(pixels, spec.model.hidden_units, classes.length);
}

/** A fresh engine for a job, with its initial weights. */
export function createJobEngine(loaded: LoadedEngine, spec: JobSpec, dataset: Dataset): Engine {
  const rows = trainRows(dataset.train.rows, spec.training.validation_split);
  return loaded.create({
    layout: jobLayout(spec),
    activation: spec.model.activation,
    dropout: spec.model.dropout,
    optimizer: spec.optimizer,
    batchSize: spec.training.batch_size,
    seed: spec.training.seed,
    // Without the validation rows.
    readImages: (into, from) => dataset.train.readImages(into, from),
    labels: dataset.train.labels.subarray(0, rows),
    epochRows: rows,
  });
}
