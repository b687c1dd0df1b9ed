import type { EngineName, JobSpec } from '../contract/job-spec.ts';
import { countTrainRows } from '../dataset/row-counts.ts';
import { estimateMemory } from '../engine/memory-estimate.ts';
import { type JobInput, jobLayout } from './job-engine.ts';

/** Bytes that a trainer takes for a job, estimated. @param engine the one that trains it; `auto` if that is open. */
export function jobMemoryBytes(
  job: JobInput,
  engine: JobSpec['engine'] | EngineName = job.spec.engine,
): number {
  const { optimizer, model, training } = job.spec;
  const rows = countTrainRows(job.data.rows.train, training.validation_split);
  return estimateMemory(engine, {
    layout: jobLayout(job),
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
}
