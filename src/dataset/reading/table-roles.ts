import { MOST_INPUTS } from './limits.ts';
import type { TableOptions } from './options.ts';
import { cut } from './places.ts';
import { DatasetRefusedError } from './refusal.ts';

/** What each column of a table is for. Decided by the names alone, before anything is read. */

export type ColumnUse = 'input' | 'target' | 'split';

export interface Roles {
  /** (columns): null for those left out. */
  readonly uses: readonly (ColumnUse | null)[];
  readonly notes: readonly string[];
}

/** Columns that are left out count, so that one can leave out some of many. */
export const MOST_COLUMNS = 2 * MOST_INPUTS;

/** Text of a name or a value that is longer is no name. In UTF-16 units. */
export const LONGEST_NAME = 500;

/** How many names a sentence lists. */
const MOST_LISTED = 20;

/** pandas writes row numbers under these names. */
const isRowNumbers = (name: string): boolean => name === '' || /^__index_level_\d+__$/.test(name);

/**
 * names: of all columns, in the order of the file.
 * @throws {DatasetRefusedError}
 */
export function assignRoles(names: readonly string[], options: TableOptions): Roles {
  refuseNames(names);
  const uses: (ColumnUse | null)[] = names.map((name) => (isRowNumbers(name) ? null : 'input'));
  const notes = names.flatMap((name, c) =>
    isRowNumbers(name)
      ? [`Column ${c + 1} ${name === '' ? 'has no name' : `(${name}) has row numbers`}: it is left out.`]
      : [],
  );
  for (const name of options.drop ?? []) uses[columnAt(names, name, 'drop')] = null;
  if (options.split_column !== undefined) {
    uses[usedColumn(names, uses, options.split_column, 'split_column')] = 'split';
  }
  const target =
    options.target === undefined
      ? uses.lastIndexOf('input')
      : usedColumn(names, uses, options.target, 'target');
  if (target === -1) throw new DatasetRefusedError(`All ${names.length} columns are left out. Drop fewer.`);
  if (uses[target] === 'split') {
    throw new DatasetRefusedError(
      'The target and split_column are the same column. Name another for one of them.',
    );
  }
  uses[target] = 'target';
  if (options.target === undefined) {
    notes.push(`The target is the last column, ${names[target]}: ?target= names another.`);
  }
  if (!uses.includes('input')) {
    throw new DatasetRefusedError(
      `Only the target (${names[target]}) is left of ${counted(names.length, 'column')}; a model needs at least one other column.`,
    );
  }
  return { uses, notes };
}

function refuseNames(names: readonly string[]): void {
  if (names.length > MOST_COLUMNS) {
    throw new DatasetRefusedError(
      `The file has ${names.length} columns; at most ${MOST_COLUMNS} are taken. Save it with fewer.`,
    );
  }
  const seen = new Map<string, number>();
  names.forEach((name, c) => {
    if (name.length > LONGEST_NAME) {
      throw new DatasetRefusedError(
        `The name of column ${c + 1} has ${name.length} characters (${cut(name)}); at most ${LONGEST_NAME} are taken.`,
      );
    }
    if (name === '__proto__') {
      throw new DatasetRefusedError(
        `Column ${c + 1} is called __proto__, which no row in JSON may name. Rename it.`,
      );
    }
    const other = seen.get(name);
    if (other !== undefined && !isRowNumbers(name)) {
      throw new DatasetRefusedError(
        `Columns ${other + 1} and ${c + 1} have the same name, ${cut(name)}. Rename one of them.`,
      );
    }
    seen.set(name, c);
  });
}

function usedColumn(
  names: readonly string[],
  uses: readonly (ColumnUse | null)[],
  wanted: string,
  option: string,
): number {
  const at = columnAt(names, wanted, option);
  if (uses[at] === null) {
    throw new DatasetRefusedError(
      `The option ${option} names the column ${cut(wanted)}, which is left out: it is in drop, or has no name. Name another.`,
    );
  }
  return at;
}

/** By name, else by number from 1. */
function columnAt(names: readonly string[], wanted: string, option: string): number {
  const named = names.indexOf(wanted);
  if (named !== -1) return named;
  const number = /^\d{1,6}$/.test(wanted) ? Number(wanted) : 0;
  if (number >= 1 && number <= names.length) return number - 1;
  throw new DatasetRefusedError(
    `The option ${option} names the column ${cut(wanted)}, which the file does not have. It has ${listed(names)}; numbers 1 to ${names.length} name them too.`,
  );
}

/** The first names, in a sentence. */
export function listed(names: readonly string[]): string {
  const first = names.slice(0, MOST_LISTED).map((name) => cut(name, 40));
  return names.length > MOST_LISTED
    ? `${first.join(', ')} and ${names.length - MOST_LISTED} more`
    : first.join(', ');
}

export const counted = (count: number, thing: string): string => `${count} ${thing}${count === 1 ? '' : 's'}`;
