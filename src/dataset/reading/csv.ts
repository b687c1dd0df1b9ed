import type { CsvColumn } from './csv-column.ts';
import { findDelimiter } from './csv-dialect.ts';
import { eachRecord } from './csv-records.ts';
import { CsvRows, type CsvRowsOptions } from './csv-rows.ts';
import type { ReadLimits } from './limits.ts';
import type { MadeDataset } from './made-dataset.ts';
import { MemoryBudget } from './memory-budget.ts';
import { numberIn, POINT } from './number-text.ts';
import { type CsvOptions, DELIMITERS } from './options.ts';
import { cut } from './places.ts';
import type { ReadTable } from './read-table.ts';
import { DatasetRefusedError } from './refusal.ts';
import { type RefusedColumn, refuseColumns } from './refused-columns.ts';
import { makeTable } from './table.ts';
import { listed } from './table-roles.ts';
import { crowdedColumn, mostTexts } from './text-codes.ts';

/**
 * Reads a CSV file as a stream: a column holds numbers as long as its values are numbers. If a text follows numbers,
 * the file is read once more for that column. In memory are only numbers, in the smallest types that hold them.
 * @throws {DatasetRefusedError}
 */
export async function readCsv(path: string, options: CsvOptions, limits: ReadLimits): Promise<MadeDataset> {
  const delimiter = await findDelimiter(path, options);
  const budget = new MemoryBudget(limits.unpackedBytes);
  const pass = async (more: Pick<CsvRowsOptions, 'written' | 'again'>): Promise<CsvRows> => {
    const rows = new CsvRows({ ...options, ...more }, limits, budget);
    await eachRecord(path, DELIMITERS[delimiter], (fields, line) => rows.accept(fields, line));
    rows.end();
    return rows;
  };
  const written = options.decimal ?? (delimiter === 'comma' ? 'point' : 'either');
  const rows = await pass({ written });
  const mixed = rows.columns.filter(({ state }) => state === 'mixed');
  refuseColumns(refusedOf(rows.columns, options));
  const again =
    mixed.length > 0 ? await pass({ written, again: new Set(mixed.map(({ index }) => index)) }) : undefined;
  const columns = rows.columns.map(
    (column) => again?.columns.find(({ index }) => index === column.index) ?? column,
  );
  refuseColumns(refusedOf(columns, options, rows.columns));
  const decimal = written === 'either' ? decimalOf(columns) : written;
  return makeTable(
    tableOf(rows, columns, { format: 'csv', header: rows.header, delimiter, decimal }),
    options,
    limits,
  );
}

function tableOf(
  rows: CsvRows,
  columns: readonly CsvColumn[],
  options: { format: 'csv'; header: boolean; delimiter: string; decimal: string },
): ReadTable {
  const empty = columns.filter(({ use, state }) => use === 'input' && state === 'empty');
  const used = columns.filter((column) => !empty.includes(column));
  const split = used.find(({ use }) => use === 'split');
  const notes = [...rows.notes];
  if (!options.header)
    notes.push('The file has no names of columns: they are called by their numbers, from 1.');
  if (options.decimal === 'comma') notes.push('Numbers are read with a decimal comma.');
  if (empty.length > 0) {
    notes.push(`Columns without any value are left out: ${listed(empty.map(({ name }) => name))}.`);
  }
  return {
    rows: rows.rows,
    inputs: used.filter(({ use }) => use === 'input').map((column) => column.toTableColumn()),
    target: used.find(({ use }) => use === 'target')!.toTableColumn(),
    split: split?.toTableColumn() ?? null,
    placeOf: (row) => ({ line: rows.lineOf(row) }),
    options,
    notes,
  };
}

/**
 * Columns that cannot be numbers and have too many texts.
 * first: the columns of the first pass, which know where numbers ended.
 */
function refusedOf(
  columns: readonly CsvColumn[],
  { task }: CsvOptions,
  first: readonly CsvColumn[] = columns,
): RefusedColumn[] {
  return columns.flatMap((column, c): RefusedColumn[] => {
    const { name, use, state, crowdedAt } = column;
    const { firstText, state: before } = first[c]!;
    if (use === 'target' && task === 'regression' && firstText !== undefined) {
      const problem = 'The target is no number, which task=regression needs. Correct it, or remove the line.';
      return [{ use, place: { ...shown(firstText), column: name, problem } }];
    }
    const cannotBeText = state === 'crowded' || (state === 'mixed' && hasManyNumbers(column));
    if (!cannotBeText) return [];
    if (before === 'mixed' || (firstText !== undefined && !Number.isNaN(numberIn(crowdedAt!.found, POINT)))) {
      const hint =
        'Other lines have numbers: correct this value, or leave it empty if it is missing. As text: ';
      return [{ use, place: crowdedColumn(name, use, firstText!, hint) }];
    }
    return [{ use, place: crowdedColumn(name, use, crowdedAt!) }];
  });
}

const shown = ({ line, found }: { line: number; found: string }) => ({ line, found: cut(found) });

/** Different numbers are different texts, so there is no need to read the column again. */
function hasManyNumbers({ values, use }: CsvColumn): boolean {
  const distinct = new Set<number>();
  for (const block of values.blocks()) {
    for (const value of block.values) {
      if (!Number.isNaN(value)) distinct.add(value);
      if (distinct.size > mostTexts(use)) return true;
    }
  }
  return false;
}

/** @throws {DatasetRefusedError} if numbers have points and commas */
function decimalOf(columns: readonly CsvColumn[]): 'point' | 'comma' {
  const withComma = columns.find(({ firstComma }) => firstComma !== undefined);
  const withPoint = columns.find(({ firstPoint }) => firstPoint !== undefined);
  if (withComma === undefined) return 'point';
  if (withPoint === undefined) return 'comma';
  throw new DatasetRefusedError(
    'Some numbers have a comma and some a point, so it is not clear which is the decimal. Say ?decimal=comma or ?decimal=point; numbers with the other are then text. Thousands must not be separated.',
    [
      { ...shown(withComma.firstComma!), column: withComma.name, problem: 'A number with a comma.' },
      { ...shown(withPoint.firstPoint!), column: withPoint.name, problem: 'A number with a point.' },
    ],
  );
}
