import type { DataShape } from '../contract/data-shape.ts';
import type { DatasetColumn, DatasetRows, DatasetTable } from '../contract/dataset.ts';
import type { Dataset } from '../dataset/prepared.ts';
import { newValues } from '../engine/engine.ts';
import type { DatasetRowsTask } from './model-task.ts';

/** The rows of a dataset as people wrote them. */

/** Of a page: it may have fewer rows than were asked for. */
const MOST_NUMBERS = 1_000_000;

export function showRows(
  dataset: Dataset,
  table: DatasetTable | undefined,
  { split, from, limit }: Pick<DatasetRowsTask, 'split' | 'from' | 'limit'>,
): DatasetRows {
  const { shape } = dataset;
  const part = dataset[split];
  const { inputs, classes } = shape;
  const most = Math.min(limit, Math.ceil(MOST_NUMBERS / inputs));
  const count = Math.max(0, Math.min(most, part.rows - from));
  const values = newValues(part.storage, count * inputs);
  part.readValues(values, from);
  const data = Array.from({ length: count }, (_, r) => {
    const row = values.slice(r * inputs, (r + 1) * inputs);
    const target = part.targets[from + r]!;
    return {
      index: from + r,
      target: classes === null ? numberOf(target, shape) : classes[target]!,
      values: table?.columns == null ? Array.from(row, shown) : table.columns.map(reader(row)),
    };
  });
  return { object: 'list', split, data, has_more: from + count < part.rows };
}

/** Takes the columns in order. */
function reader(row: ArrayLike<number>): (column: DatasetColumn) => string | number | null {
  let next = 0;
  return (column) => {
    const first = next;
    if (column.type === 'number') {
      next += 1;
      return inItsUnit(row[first]!, column);
    }
    next += column.values.length;
    return column.values.find((_, v) => row[first + v] === 1) ?? null;
  };
}

/** A target of regression is standardised. */
const numberOf = (value: number, { target }: DataShape): number =>
  target === undefined ? value : inItsUnit(value, { offset: target.mean, divisor: target.deviation });

/**
 * A float32 is right to 6e-8 of itself, and scaled numbers are rarely above 8: so a number in its own unit is right to
 * half a unit of the fifth digit after that of its divisor, and what follows would show what scaling has done to it.
 */
const DIGITS = 5;

function inItsUnit(value: number, { offset, divisor }: { offset: number; divisor: number }): number {
  if (offset === 0 && divisor === 1) return shown(value);
  const exponent = Math.floor(Math.log10(divisor));
  const decimals = Math.min(Math.max(DIGITS - exponent, 0), 100);
  return Number((value * divisor + offset).toFixed(decimals));
}

/** A float32 has 7 digits. */
const shown = (value: number): number => Number(value.toPrecision(7));
