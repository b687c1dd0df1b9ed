import type { EngineName, JobSpec } from '../contract/job-spec.ts';
import { countTrainRows } from '../dataset/row-counts.ts';
import { estimateMemory } from '../engine/memory-estimate.ts';
import { type JobInput, jobLayout } from './job-engine.ts';

/** Of the best weights: those that are kept, and those in a checkpoint as it is written. */
const BEST_COPIES = 2;

const FLOAT32_BYTES = 4;

/** Bytes that a trainer takes for a job, estimated. @param engine the one that trains it; `auto` if that is open. */
export function jobMemoryBytes(
  job: JobInput,
  engine: JobSpec['engine'] | EngineName = job.spec.engine,
): number {
  const { optimizer, model, training } = job.spec;
  const rows = countTrainRows(job.data.rows.train, training.validation_split);
  const layout = jobLayout(job);
  const restores = training.early_stopping?.restore_best_weights === true;
  const bestBytes = restores ? BEST_COPIES * FLOAT32_BYTES * layout.parameters : 0;
  const estimated = estimateMemory(engine, {
    layout,
    optimizer,
    l1: model.l1,
    l2: model.l2,
    activation: model.activation,
    dropout: model.dropout,
    batchSize: training.batch_size,
    epochRows: rows,
    trainRows: rows,
    storage: job.data.storage,
  });
  return estimated + bestBytes;
}
