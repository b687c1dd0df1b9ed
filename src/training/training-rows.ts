import type { JobSpec } from '../contract/job-spec.ts';
import { BLOCK_ROWS, type DataRows, type Dataset } from '../dataset/prepared.ts';
import { countTrainRows } from '../dataset/row-counts.ts';
import { newValues } from '../engine/engine.ts';
import { validationRows } from './validation-rows.ts';

/** The train part of a dataset as a job uses it: the rows it trains on, and those it holds out. */
export interface TrainingRows {
  /** In file order; may have more rows than `count`. */
  readonly source: DataRows;
  /** Rows that are trained on: the first ones of `source`. */
  readonly count: number;
  /** Held out, in file order: those of `validation` from `firstValidationRow` on. */
  readonly validation: DataRows;
  readonly firstValidationRow: number;
}

const latest = new WeakMap<Dataset, { key: string; rows: TrainingRows }>();

/** The same object for the same choice, so that an engine may take over the rows that the one before it has packed. */
export function trainingRows(dataset: Dataset, training: JobSpec['training']): TrainingRows {
  const { validation, validation_split, seed } = training;
  const { train, shape } = dataset;
  if (validation === 'last') {
    const count = countTrainRows(train.rows, validation_split);
    return { source: train, count, validation: train, firstValidationRow: count };
  }
  const key = [validation, validation_split, seed].join();
  const known = latest.get(dataset);
  if (known?.key === key) return known.rows;
  const held = validationRows(training, train.targets);
  const source = pickRows(train, shape.inputs, (row) => held[row] === 0);
  const rows = {
    source,
    count: source.rows,
    validation: pickRows(train, shape.inputs, (row) => held[row] === 1),
    firstValidationRow: 0,
  };
  latest.set(dataset, { key, rows });
  return rows;
}

/** Some rows of a part of a dataset, in its order, with one block of it in memory. */
function pickRows(part: DataRows, inputs: number, isPicked: (row: number) => boolean): DataRows {
  const picked = Uint32Array.from({ length: part.rows }, (_, row) => row).filter(isPicked);
  const block = newValues(part.storage, Math.min(BLOCK_ROWS, part.rows) * inputs);
  let first = -1;
  return {
    rows: picked.length,
    targets: part.targets.filter((_, row) => isPicked(row)),
    storage: part.storage,
    readValues(into, from) {
      for (let k = 0; k * inputs < into.length; k += 1) {
        const row = picked[from + k];
        const start = row - (row % BLOCK_ROWS);
        if (start !== first) {
          part.readValues(block.subarray(0, Math.min(BLOCK_ROWS, part.rows - start) * inputs), start);
          first = start;
        }
        into.set(block.subarray((row - start) * inputs, (row - start + 1) * inputs), k * inputs);
      }
    },
  };
}
