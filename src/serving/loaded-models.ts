import type { DataShape } from '../contract/data-shape.ts';
import type { DatasetTable } from '../contract/dataset.ts';
import { lossOf } from '../contract/loss.ts';
import { OptimizerSchema } from '../contract/optimizer.ts';
import type { Engine, Targets } from '../engine/engine.ts';
import { loadEngine } from '../engine/engines.ts';
import { type JobInput, jobLayout } from '../training/job-engine.ts';

/** The models that a thread has used lately, ready to compute. */

const MOST_MODELS = 8;
const MOST_BYTES = 512 * 1024 * 1024;

/** Rows that are computed at a time. It decides speed, not bits. */
const BATCH_ROWS = 32;

const SGD = OptimizerSchema.parse({ type: 'sgd' });

/** A model as it is read. epoch: how many epochs it was trained. */
export interface TrainedWeights {
  /** (P) */
  readonly weights: Float32Array;
  readonly epoch: number;
  readonly weightsSha256: string;
  /** How the dataset was read, if that was an uploaded table. */
  readonly table: DatasetTable | undefined;
}

export interface LoadedModel extends Omit<TrainedWeights, 'weights'> {
  readonly engine: Engine;
  readonly bytes: number;
}

/** By a key that names the model; the one used last stands last. */
const loaded = new Map<string, LoadedModel>();

/**
 * key: of a model's content, since a job has a model at each checkpoint. read: reads a model that is not loaded yet;
 * undefined when there is no such file.
 */
export async function loadedModel(
  key: string,
  job: JobInput,
  read: () => Promise<TrainedWeights | undefined>,
): Promise<LoadedModel | undefined> {
  const known = loaded.get(key);
  loaded.delete(key);
  const model = known ?? (await load(job, read));
  if (model === undefined) return undefined;
  loaded.set(key, model);
  forgetOldest();
  return model;
}

async function load(
  { spec, data }: JobInput,
  read: () => Promise<TrainedWeights | undefined>,
): Promise<LoadedModel | undefined> {
  const model = await read();
  if (model === undefined) return undefined;
  const { weights, ...trained } = model;
  const wasm = await loadEngine('wasm');
  const found = wasm.available ? wasm : await loadEngine('reference');
  if (!found.available) throw new Error(found.reason);
  const engine = found.create({
    layout: jobLayout({ spec, data }),
    activation: spec.model.activation,
    kernelInitializer: 'zeros',
    outputInitializer: 'zeros',
    dropout: 0,
    l1: 0,
    l2: 0,
    // It keeps no slots, and is never asked to train.
    optimizer: SGD,
    batchSize: BATCH_ROWS,
    seed: 0,
    loss: lossOf(spec, data),
    labelSmoothing: 0,
    classWeights: null,
    source: { storage: data.storage, readValues: (into) => into.fill(0) },
    targets: noTargets(data, 1),
    epochRows: 1,
  });
  engine.restore({ weights, slots: [], powers: [], steps: 0 });
  return { ...trained, engine, bytes: 2 * weights.byteLength };
}

/** Targets of rows that have none: the losses against them mean nothing. */
export const noTargets = ({ task }: DataShape, rows: number): Targets =>
  task === 'classification' ? new Uint16Array(rows) : new Float32Array(rows);

function forgetOldest(): void {
  let bytes = [...loaded.values()].reduce((sum, model) => sum + model.bytes, 0);
  for (const [key, model] of loaded) {
    if (loaded.size <= 1 || (loaded.size <= MOST_MODELS && bytes <= MOST_BYTES)) return;
    loaded.delete(key);
    bytes -= model.bytes;
  }
}
