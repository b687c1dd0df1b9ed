import { parse } from 'csv-parse/sync';
import type { DatasetColumn } from '../contract/dataset.ts';
import type { Cell, TableRow } from '../contract/prediction.ts';
import { InputError } from './input-error.ts';

/** Rows of an uploaded table, as people write them, for a model: scaled and one-hot as the train rows were. */

const MOST_LISTED = 20;

/** What a request must have: a sentence. */
export function wantedOf(columns: readonly DatasetColumn[]): string {
  return `Send {"inputs": [{...}, ...]} with a value, or null, for each column: ${listed(columns.map(({ name }) => name))}.`;
}

/** (rows, inputs). @throws {InputError} */
export function encodedRows(
  rows: readonly TableRow[],
  columns: readonly DatasetColumn[],
  inputs: number,
): Float32Array {
  const values = new Float32Array(rows.length * inputs);
  for (const [r, row] of rows.entries()) {
    const cells = Array.isArray(row) ? inOrder(row, columns, r) : byName(row, columns, r);
    let at = r * inputs;
    for (const [c, column] of columns.entries()) {
      const cell = cells[c]!;
      if (column.type === 'number') {
        values[at] = scaled(cell, column, r);
        at += 1;
      } else {
        const place = placeOf(cell, column, r);
        if (place !== undefined) values[at + place] = 1;
        at += column.values.length;
      }
    }
  }
  return values;
}

function inOrder(row: readonly Cell[], columns: readonly DatasetColumn[], r: number): readonly Cell[] {
  if (row.length === columns.length) return row;
  throw new InputError(
    'content',
    `Row ${r + 1} has ${row.length} values; this model takes ${columns.length}: ${listed(columns.map(({ name }) => name))}.`,
  );
}

/** Other columns, such as the one to predict, are ignored. */
function byName(row: Readonly<Record<string, Cell>>, columns: readonly DatasetColumn[], r: number): Cell[] {
  const missing = columns.filter(({ name }) => !Object.hasOwn(row, name));
  if (missing.length > 0) {
    throw new InputError(
      'content',
      `Row ${r + 1} lacks ${listed(missing.map(({ name }) => name))}. Give null where a value is not known.`,
    );
  }
  return columns.map(({ name }) => row[name]!);
}

type Of<Type extends DatasetColumn['type']> = Extract<DatasetColumn, { type: Type }>;

/** As the train rows were: a missing number is the mean. */
function scaled(cell: Cell, { name, mean, offset, divisor }: Of<'number'>, r: number): number {
  const value = cell === null || cell === '' ? mean : typeof cell === 'string' ? numberIn(cell) : cell;
  const result = typeof value === 'number' ? Math.fround((value - offset) / divisor) : Number.NaN;
  if (Number.isFinite(result)) return result;
  throw new InputError(
    'content',
    `Row ${r + 1}, ${name}: ${shown(cell)} is no number that this model can take.`,
  );
}

const numberIn = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text));

/** Where the 1 is; undefined for a missing text, which is all 0. */
function placeOf(cell: Cell, { name, values }: Of<'text'>, r: number): number | undefined {
  if (cell === null || cell === '') return undefined;
  const text = String(cell);
  const same =
    typeof cell === 'boolean'
      ? (value: string) => value.toLowerCase() === text
      : (value: string) => value === text;
  const place = values.findIndex(same);
  if (place >= 0) return place;
  throw new InputError(
    'content',
    `Row ${r + 1}, ${name}: ${shown(cell)} is none of ${listed(values)}. Give null where it is not known.`,
  );
}

/**
 * Rows of CSV. A first line with the names of all columns is a header, and may name others; without it, values are in
 * order.
 * @throws {InputError}
 */
export function csvRows(text: string, columns: readonly DatasetColumn[]): TableRow[] {
  let lines: string[][];
  try {
    lines = parse(text, { bom: true, skip_empty_lines: true, trim: true, relax_column_count: true });
  } catch (error) {
    throw new InputError('content', `The body is no CSV: ${(error as Error).message}.`);
  }
  const [head, ...rows] = lines;
  if (head === undefined || !columns.every(({ name }) => head.includes(name))) return lines;
  return rows.map((cells) => Object.fromEntries(head.map((name, c) => [name, cells[c] ?? null])));
}

const shown = (cell: Cell): string => JSON.stringify(cell).slice(0, 80);

const listed = (names: readonly string[]): string =>
  `${names.slice(0, MOST_LISTED).join(', ')}${names.length > MOST_LISTED ? ` and ${names.length - MOST_LISTED} others` : ''}`;
