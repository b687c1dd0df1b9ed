import { CsvColumn } from './csv-column.ts';
import { looksLikeNames } from './csv-dialect.ts';
import { MOST_ROWS, type ReadLimits } from './limits.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { NumberStore } from './number-store.ts';
import type { CsvOptions } from './options.ts';
import { cut, Places } from './places.ts';
import { refuseLarge } from './prepared-size.ts';
import { DatasetRefusedError } from './refusal.ts';
import { assignRoles, counted, MOST_COLUMNS, type Roles } from './table-roles.ts';
import { TextInputs } from './text-codes.ts';

/** Numbers that are gathered before each column stores its part. */
const BATCH_NUMBERS = 2 ** 22;
const MOST_BATCH_ROWS = 2 ** 14;

export interface CsvRowsOptions extends CsvOptions {
  /** What the decimal may be in this file. */
  readonly written: 'point' | 'comma' | 'either';
  /** When the file is read again: only these columns (by index), as text. */
  readonly again?: ReadonlySet<number>;
}

/** Takes the records of a CSV file in order: the names, then rows, whose fields go to their columns. */
export class CsvRows {
  readonly #options: CsvRowsOptions;
  readonly #limits: ReadLimits;
  readonly #budget: MemoryBudget;
  readonly #places = new Places('The CSV file has rows that cannot be used.');
  readonly #lines: NumberStore;
  #first: { readonly fields: readonly string[]; readonly line: number } | undefined;
  #names: readonly string[] | undefined;
  #header = false;
  #roles: Roles | undefined;
  #columns: CsvColumn[] = [];
  /** (columns and one for lines, batch rows) */
  #batch = new Float64Array(0);
  #batchRows = 0;
  #filled = 0;
  #rows = 0;
  #headersAgain = 0;
  #emptyRows = 0;

  constructor(options: CsvRowsOptions, limits: ReadLimits, budget: MemoryBudget) {
    this.#options = options;
    this.#limits = limits;
    this.#budget = budget;
    this.#lines = new NumberStore(budget);
  }

  get header(): boolean {
    return this.#header;
  }

  /** Those that are used, in the order of the file. */
  get columns(): readonly CsvColumn[] {
    return this.#columns;
  }

  /** Stored so far. */
  get rows(): number {
    return this.#lines.rows;
  }

  lineOf(row: number): number {
    return this.#lines.at(row);
  }

  get notes(): string[] {
    const skipped = [
      [this.#headersAgain, 'The names of the columns stand in the file again', 'left out'],
      [this.#emptyRows, 'Rows without any value', 'left out'],
    ] as const;
    return [
      ...(this.#roles?.notes ?? []),
      ...skipped.flatMap(([count, what, done]) =>
        count > 0 ? [`${what}: ${counted(count, 'line')} ${done}.`] : [],
      ),
    ];
  }

  /** @throws {DatasetRefusedError} */
  accept(fields: readonly string[], line: number): void {
    if (this.#names === undefined) {
      if (this.#first === undefined) {
        refuseColumns(fields);
        // The next record helps to tell names from values.
        this.#first = { fields: [...fields], line };
        return;
      }
      this.#begin(this.#first, fields);
    }
    this.#take(fields, line);
  }

  #take(fields: readonly string[], line: number): void {
    if (fields[0] === '' && fields.every((field) => field === '')) this.#emptyRows += 1;
    else if (this.#isHeader(fields)) this.#headersAgain += 1;
    else if (fields.length === this.#names!.length) this.#store(fields, line);
    else this.#places.add(this.#wrongLength(fields, line));
  }

  /** To be called after the last record. @throws {DatasetRefusedError} if rows cannot be used */
  end(): void {
    if (this.#names === undefined && this.#first !== undefined) this.#begin(this.#first, undefined);
    this.#flush();
    this.#places.refuse();
    if (this.rows === 0) {
      const only = this.#header ? 'only the names of the columns' : 'nothing';
      throw new DatasetRefusedError(`The CSV file has no rows: it has ${only}.`);
    }
  }

  #begin(
    { fields, line }: { readonly fields: readonly string[]; readonly line: number },
    next: readonly string[] | undefined,
  ): void {
    this.#header = this.#options.header ?? looksLikeNames(fields, next);
    this.#names = this.#header ? [...fields] : fields.map((_, c) => String(c + 1));
    this.#roles = assignRoles(this.#names, this.#options);
    const { again, written } = this.#options;
    const texts = new TextInputs();
    this.#columns = this.#roles.uses.flatMap((use, index) =>
      use === null || again?.has(index) === false
        ? []
        : [
            new CsvColumn(
              { name: this.#names![index]!, index, use },
              written,
              again !== undefined || use === 'split' ? 'text' : 'empty',
              this.#budget,
              texts,
            ),
          ],
    );
    const kept = this.#columns.length + 1;
    this.#batchRows = Math.min(MOST_BATCH_ROWS, Math.max(64, Math.floor(BATCH_NUMBERS / kept)));
    this.#batch = new Float64Array(kept * this.#batchRows);
    if (!this.#header) this.#take(fields, line);
  }

  #isHeader(fields: readonly string[]): boolean {
    const names = this.#names!;
    return (
      this.#header &&
      fields[0] === names[0] &&
      fields.length === names.length &&
      fields.every((field, c) => field === names[c])
    );
  }

  #store(fields: readonly string[], line: number): void {
    if (this.#rows === MOST_ROWS) {
      throw new DatasetRefusedError(
        `The file has more than ${MOST_ROWS} rows, the most that are taken. Upload a sample of them.`,
      );
    }
    const [batch, batchRows] = [this.#batch, this.#batchRows];
    let at = this.#filled;
    for (const column of this.#columns) {
      const text = fields[column.index]!;
      const value = column.valueOf(text, line);
      batch[at] = value;
      at += batchRows;
      if (!Number.isFinite(value)) this.#check(column, value, text, line);
    }
    batch[at] = line;
    this.#rows += 1;
    this.#filled += 1;
    if (this.#filled === batchRows) this.#flush();
  }

  #check({ name, use, state }: CsvColumn, value: number, text: string, line: number): void {
    const place = { line, column: name, found: cut(text) };
    if (!Number.isNaN(value)) {
      this.#places.add({
        ...place,
        problem:
          'The number is infinite or too large. Write a finite number, or nothing where it is missing.',
      });
    } else if (use !== 'input' && state !== 'mixed' && state !== 'crowded') {
      this.#places.add({
        ...place,
        problem: `The ${use === 'target' ? 'target' : 'split'} is missing. Remove the row, or fill it in.`,
      });
    }
  }

  #flush(): void {
    const [rows, stride] = [this.#filled, this.#batchRows];
    [...this.#columns.map(({ values }) => values), this.#lines].forEach((store, c) => {
      store.append(this.#batch.subarray(c * stride, c * stride + rows));
    });
    this.#filled = 0;
    const inputs = this.#columns.reduce((sum, { use, inputs }) => sum + (use === 'input' ? inputs : 0), 0);
    refuseLarge(this.#rows, inputs, this.#limits);
  }

  #wrongLength(fields: readonly string[], line: number) {
    const names = this.#names!;
    const cure =
      fields.length > names.length
        ? 'Put text that contains the delimiter in quotes.'
        : 'Fill in what is missing, or remove the line.';
    return {
      line,
      found: counted(fields.length, 'field'),
      problem: `The first line has ${names.length}, so each line must. ${cure}`,
    };
  }
}

/** Before all else: what follows may not even be read as CSV. */
function refuseColumns(fields: readonly string[]): void {
  if (fields.length > MOST_COLUMNS) {
    throw new DatasetRefusedError(
      `The CSV file has more than ${MOST_COLUMNS} columns, the most that are taken. Save it with fewer.`,
    );
  }
  if (fields.length > 1) return;
  throw new DatasetRefusedError(
    'The CSV file has one column only; a model needs a target and at least one other column. If fields are separated by something else than commas, semicolons or tabs, save it with commas; if by these, say ?delimiter=.',
    [{ line: 1, found: cut(fields[0] ?? ''), problem: 'One field only.' }],
  );
}
