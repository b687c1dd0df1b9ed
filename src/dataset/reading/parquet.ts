import type { ReadLimits } from './limits.ts';
import type { MadeDataset } from './made-dataset.ts';
import { MemoryBudget } from './memory-budget.ts';
import { NumberStore } from './number-store.ts';
import type { TableOptions } from './options.ts';
import { damaged, openParquet, type ParquetFile, type ParquetLeaf } from './parquet-file.ts';
import { ParquetError } from './parquet-guards.ts';
import { type LeafPage, leafPages } from './parquet-pages.ts';
import { type ColumnKind, kindOf } from './parquet-types.ts';
import { cut, Places } from './places.ts';
import { refuseLarge } from './prepared-size.ts';
import type { ReadColumn } from './read-table.ts';
import { DatasetRefusedError } from './refusal.ts';
import { type RefusedColumn, refuseColumns } from './refused-columns.ts';
import { makeTable } from './table.ts';
import { assignRoles, type ColumnUse, listed } from './table-roles.ts';
import { crowdedColumn, TextCodes, TextInputs } from './text-codes.ts';

/**
 * Reads a table from a Parquet file, column by column, page by page.
 * @throws {DatasetRefusedError}
 */
export async function readParquet(
  path: string,
  options: TableOptions,
  limits: ReadLimits,
): Promise<MadeDataset> {
  const file = await openParquet(path);
  try {
    if (file.rows === 0) throw new DatasetRefusedError('The Parquet file has no rows.');
    // Names of columns, of those within others the outermost.
    const names = [...new Set(file.leaves.map(({ path: [name] }) => name!))];
    const { uses, notes } = assignRoles(names, options);
    const used = names.flatMap((name, c) => (uses[c] === null ? [] : [{ name, use: uses[c]! }]));
    refuseLarge(file.rows, used.filter(({ use }) => use === 'input').length, limits);
    const sources = sourcesOf(file, used);
    const reading = new TableColumns(file, limits);
    const columns: (ReadColumn & { use: ColumnUse })[] = [];
    for (const source of sources) columns.push(await reading.read(source));
    reading.end();
    const inputs = columns.filter(({ use }) => use === 'input');
    const empty = inputs.filter((column) => isEmpty(column));
    return makeTable(
      {
        rows: file.rows,
        inputs: inputs.filter((column) => !empty.includes(column)),
        target: columns.find(({ use }) => use === 'target')!,
        split: columns.find(({ use }) => use === 'split') ?? null,
        placeOf: (row) => ({ row }),
        options: { format: 'parquet' },
        notes: [
          ...notes,
          ...(empty.length > 0
            ? [`Columns without any value are left out: ${listed(empty.map(({ name }) => name))}.`]
            : []),
        ],
      },
      options,
      limits,
    );
  } finally {
    await file.handle.close();
  }
}

interface Source {
  readonly name: string;
  readonly use: ColumnUse;
  readonly leaf: ParquetLeaf;
  readonly kind: Exclude<ColumnKind, { kind: 'refused' }>;
}

/** @throws {DatasetRefusedError} if columns are nested, or of types that are not read */
function sourcesOf(file: ParquetFile, used: readonly { name: string; use: ColumnUse }[]): Source[] {
  const leafOf = new Map(file.leaves.map((leaf) => [leaf.path[0]!, leaf]));
  const refused: RefusedColumn[] = [];
  const sources = used.flatMap(({ name, use }): Source[] => {
    const leaf = leafOf.get(name)!;
    const kind: ColumnKind =
      leaf.path.length > 1 || leaf.repeated
        ? { kind: 'refused', why: 'lists or records. Save one number or text in each row' }
        : kindOf(leaf.element);
    if (use === 'split' && kind.kind === 'number') {
      throw new DatasetRefusedError(
        `The column ${cut(name)} has numbers; split_column must say train or test for each row.`,
      );
    }
    if (kind.kind !== 'refused') return [{ name, use, leaf, kind }];
    const cure =
      use === 'input' ? `, or leave the column out with drop=${name}.` : ', or name another column.';
    refused.push({ use, place: { column: name, problem: `The column has ${kind.why}${cure}` } });
    return [];
  });
  refuseColumns(refused);
  return sources;
}

class TableColumns {
  readonly #file: ParquetFile;
  readonly #pages: MemoryBudget;
  readonly #stores: MemoryBudget;
  readonly #places = new Places('The Parquet file has rows that cannot be used.');
  readonly #refused: RefusedColumn[] = [];
  readonly #texts = new TextInputs();

  constructor(file: ParquetFile, limits: ReadLimits) {
    this.#file = file;
    this.#pages = new MemoryBudget(limits.unpackedBytes);
    this.#stores = new MemoryBudget(limits.unpackedBytes);
  }

  async read({ name, use, leaf, kind }: Source): Promise<ReadColumn & { use: ColumnUse }> {
    const values = new NumberStore(this.#stores);
    const codes = new TextCodes(use, this.#texts);
    const convert: (values: LeafPage['values']) => ArrayLike<number | string> =
      kind.kind === 'number' ? kind.toNumbers : kind.toTexts;
    let [dictionary, words]: [unknown, ArrayLike<number | string>] = [null, []];
    for await (const page of leafPages(this.#file, leaf, this.#pages)) {
      if (page.dictionary !== dictionary) {
        dictionary = page.dictionary;
        words = page.dictionary === null ? [] : converted(convert, page.dictionary, leaf);
      }
      const found =
        page.dictionary === null
          ? converted(convert, page.values, leaf)
          : looked(words, page.values as Int32Array);
      const stored = this.#numbersOf(page, found, codes, { name, use, first: values.rows });
      if (stored === undefined) break;
      values.append(stored);
    }
    return { name, use, type: kind.kind, values, texts: codes.texts };
  }

  /** @throws {DatasetRefusedError} if rows or columns cannot be used */
  end(): void {
    refuseColumns(this.#refused);
    this.#places.refuse();
  }

  /** (R of the page), NaN where there is no value; undefined if the column has too many texts. */
  #numbersOf(
    { rows, present }: LeafPage,
    found: ArrayLike<number | string>,
    codes: TextCodes,
    { name, use, first }: { name: string; use: ColumnUse; first: number },
  ): Float64Array | undefined {
    const numbers = new Float64Array(rows);
    let next = 0;
    for (let row = 0; row < rows; row += 1) {
      let value = Number.NaN;
      if (present === null || present[row] === 1) {
        const item = found[next]!;
        next += 1;
        if (typeof item === 'number') value = item;
        else {
          const code = codes.codeOf(item);
          if (code === undefined) {
            this.#refused.push({ use, place: crowdedColumn(name, use, { row: first + row, found: item }) });
            return undefined;
          }
          value = code;
        }
      }
      numbers[row] = value;
      if (!Number.isFinite(value)) this.#check(value, name, use, first + row);
    }
    return numbers;
  }

  #check(value: number, column: string, use: ColumnUse, row: number): void {
    if (!Number.isNaN(value)) {
      this.#places.add({
        row,
        column,
        found: String(value),
        problem: 'The number is infinite. Give a finite one, or null where it is missing.',
      });
    } else if (use !== 'input') {
      this.#places.add({
        row,
        column,
        found: 'null',
        problem: `The ${use === 'target' ? 'target' : 'split'} is missing. Remove the row, or fill it in.`,
      });
    }
  }
}

function looked(words: ArrayLike<number | string>, indices: Int32Array): (number | string)[] {
  const found = new Array<number | string>(indices.length);
  for (let k = 0; k < indices.length; k += 1) found[k] = words[indices[k]!]!;
  return found;
}

function converted<Result>(
  convert: (values: LeafPage['values']) => Result,
  values: LeafPage['values'],
  { path }: ParquetLeaf,
): Result {
  try {
    return convert(values);
  } catch (error) {
    throw error instanceof ParquetError
      ? damaged(`column ${cut(path.join('.'))} has ${error.message}`)
      : error;
  }
}

function isEmpty({ type, values, texts }: ReadColumn): boolean {
  if (type === 'text') return texts.length === 0;
  for (const { values: block } of values.blocks()) {
    for (const value of block) if (!Number.isNaN(value)) return false;
  }
  return true;
}
