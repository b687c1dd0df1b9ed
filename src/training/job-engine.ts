import type { DataShape } from '../contract/data-shape.ts';
import type { Parent } from '../contract/job.ts';
import type { JobSpec } from '../contract/job-spec.ts';
import { lossOf } from '../contract/loss.ts';
import type { Dataset } from '../dataset/prepared.ts';
import type { Engine } from '../engine/engine.ts';
import type { LoadedEngine } from '../engine/engines.ts';
import { type ModelLayout, modelLayout } from '../engine/model-layout.ts';
import { classWeights } from './class-weights.ts';
import { trainingRows } from './training-rows.ts';

/** Turns a job's spec and data into the options of an engine. */

/** What decides a job's bits: its spec, and the data that its dataset's name stood for when it was created. */
export interface JobInput {
  readonly spec: JobSpec;
  readonly data: DataShape;
  /** What a fork began with. */
  readonly parent?: Pick<Parent, 'checkpoint_sha256' | 'epoch'> | undefined;
}

/** The shapes of the spec's model on the job's data. */
export function jobLayout({ spec, data }: JobInput): ModelLayout {
  return modelLayout(data.inputs, spec.model.hidden_units, data.outputs);
}

/** A fresh engine for a job, with its initial weights. previous: that of a job that has ended. */
export function createJobEngine(
  loaded: LoadedEngine,
  spec: JobSpec,
  dataset: Dataset,
  previous?: Engine,
): Engine {
  const { source, count } = trainingRows(dataset, spec.training);
  // Without those of the validation rows.
  const targets = source.targets.subarray(0, count);
  return loaded.create({
    layout: jobLayout({ spec, data: dataset.shape }),
    activation: spec.model.activation,
    kernelInitializer: spec.model.kernel_initializer,
    outputInitializer: spec.model.output_initializer ?? spec.model.kernel_initializer,
    dropout: spec.model.dropout,
    l1: spec.model.l1,
    l2: spec.model.l2,
    optimizer: spec.optimizer,
    batchSize: spec.training.batch_size,
    seed: spec.training.seed,
    source,
    loss: lossOf(spec, dataset.shape),
    labelSmoothing: spec.training.label_smoothing,
    classWeights: classWeights(spec.training.class_weight, dataset.shape.classes, targets),
    targets,
    epochRows: count,
    previous,
  });
}
