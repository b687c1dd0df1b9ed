import { byCodePoint } from './code-point-order.ts';
import type { Column, NumberColumn, TextColumn } from './made-dataset.ts';
import type { TableOptions } from './options.ts';
import { Places } from './places.ts';
import type { ReadColumn, ReadTable } from './read-table.ts';
import { statisticsOf } from './statistics.ts';

/** The inputs of a table: columns of numbers scaled, columns of text one-hot. Dims: R = rows, I = inputs. */

/** Where the rows of the file go. */
export interface Destination {
  readonly inputs: number;
  /** (R of the file): a train row t as t, a test row t as -1 - t. */
  readonly rows: Int32Array;
  /** (R, I), all 0. */
  readonly train: Float32Array;
  readonly test: Float32Array;
}

export type Scale = NonNullable<TableOptions['scale']>;

export const inputsOf = ({ type, texts }: ReadColumn): number => (type === 'number' ? 1 : texts.length);

/**
 * Fills in the inputs of all rows.
 * @throws {DatasetRefusedError}
 */
export function fillInputs(table: ReadTable, scale: Scale, to: Destination): Column[] {
  const places = new Places('Columns of the file cannot be scaled.');
  let first = 0;
  const columns = table.inputs.map((column) => {
    const filled =
      column.type === 'number'
        ? fillNumbers(column, scale, first, to, table, places)
        : fillTexts(column, first, to);
    first += inputsOf(column);
    return filled;
  });
  places.refuse();
  return columns;
}

function fillNumbers(
  { name, values }: ReadColumn,
  scale: Scale,
  input: number,
  { inputs, rows, train, test }: Destination,
  { placeOf }: ReadTable,
  places: Places,
): NumberColumn {
  let missing = 0;
  const { mean, deviation, min, max } = statisticsOf((use) => {
    missing = 0;
    for (const { values: block, start } of values.blocks()) {
      for (let k = 0; k < block.length; k += 1) {
        const value = block[k]!;
        if (Number.isNaN(value)) missing += 1;
        else if (rows[start + k]! >= 0) use(value);
      }
    }
  });
  const [offset, divisor] = scaling(scale, { mean, deviation, min, max });
  const column: NumberColumn = { name, type: 'number', missing, mean, deviation, min, max, offset, divisor };
  if (!Number.isFinite(mean) || !Number.isFinite(deviation)) {
    places.add({
      column: name,
      problem:
        min > max
          ? 'No train row has a value. Leave the column out with ?drop=.'
          : 'The numbers are too large to be added. Give them in a larger unit.',
    });
    return column;
  }
  for (const { values: block, start } of values.blocks()) {
    for (let k = 0; k < block.length; k += 1) {
      const value = block[k]!;
      const scaled = Math.fround(((Number.isNaN(value) ? mean : value) - offset) / divisor);
      const row = rows[start + k]!;
      if (row >= 0) train[row * inputs + input] = scaled;
      else test[(-1 - row) * inputs + input] = scaled;
      if (!Number.isFinite(scaled)) {
        places.add({
          ...placeOf(start + k),
          column: name,
          found: String(value),
          problem: 'The number is too large for 32 bits. Give it in a larger unit, or let numbers be scaled.',
        });
      }
    }
  }
  return column;
}

type Range = Pick<NumberColumn, 'mean' | 'deviation' | 'min' | 'max'>;

/** Offset and divisor. A column with one value only becomes 0. */
function scaling(scale: Scale, { mean, deviation, min, max }: Range): [number, number] {
  switch (scale) {
    case 'standard':
      return [mean, deviation > 0 ? deviation : 1];
    case 'minmax':
      return [min, max > min ? max - min : 1];
    case 'none':
      return [0, 1];
  }
}

function fillTexts(
  { name, values, texts }: ReadColumn,
  first: number,
  { inputs, rows, train, test }: Destination,
): TextColumn {
  const sorted = texts.toSorted(byCodePoint);
  const rank = new Map(sorted.map((text, k) => [text, k]));
  const inputOf = texts.map((text) => first + rank.get(text)!);
  let missing = 0;
  for (const { values: block, start } of values.blocks()) {
    for (let k = 0; k < block.length; k += 1) {
      const code = block[k]!;
      const row = rows[start + k]!;
      if (Number.isNaN(code)) missing += 1;
      else if (row >= 0) train[row * inputs + inputOf[code]!] = 1;
      else test[(-1 - row) * inputs + inputOf[code]!] = 1;
    }
  }
  return { name, type: 'text', missing, values: sorted };
}
