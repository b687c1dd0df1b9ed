import { byCodePoint } from './code-point-order.ts';
import { MOST_CLASSES } from './limits.ts';
import type { NumberStore } from './number-store.ts';
import { cut } from './places.ts';
import type { ReadTable } from './read-table.ts';
import { DatasetRefusedError } from './refusal.ts';
import { listed } from './table-roles.ts';

/** The target of a table: which task it sets, and the class or number of each row. Dims: R = rows. */

export type TableTarget = { readonly notes: readonly string[] } & (
  | {
      readonly task: 'classification';
      readonly classes: readonly string[];
      /** (R) */
      readonly indices: Uint16Array;
    }
  | {
      readonly task: 'regression';
      /** (R): as given. */
      readonly numbers: Float64Array;
    }
);

type Task = TableTarget['task'];

/** Whole numbers with more different values than this are numbers unless the task says otherwise. */
const MOST_WHOLE_CLASSES = 20;

/** task: as asked for. @throws {DatasetRefusedError} */
export function readTarget({ target, rows, placeOf }: ReadTable, task: Task | undefined): TableTarget {
  const { name, type, values, texts } = target;
  if (type === 'text') {
    if (task === 'regression') {
      throw new DatasetRefusedError(
        `The target ${cut(name)} is text (${listed(texts.slice(0, 3))}), no number, which task=regression needs.`,
        [{ ...placeOf(0), column: name, found: cut(texts[0] ?? ''), problem: 'Not a number.' }],
      );
    }
    return classesOf(name, texts, values, rows, []);
  }
  const distinct = distinctNumbers(values);
  const areClasses =
    distinct !== undefined && distinct.length <= MOST_WHOLE_CLASSES && distinct.every(Number.isInteger);
  if (task === 'regression' || (task === undefined && !areClasses)) {
    return { task: 'regression', numbers: numbersOf(values, rows), notes: [] };
  }
  if (distinct === undefined) {
    throw new DatasetRefusedError(
      `The target ${cut(name)} has more than ${MOST_CLASSES} different numbers, too many for classes. With task=regression they are numbers.`,
    );
  }
  const notes =
    task === undefined
      ? [
          `The target ${name} has ${distinct.length} different whole numbers: they are classes. With task=regression they are numbers.`,
        ]
      : [];
  const sorted = distinct.toSorted((a, b) => a - b);
  const code = new Map(sorted.map((value, k) => [value, k]));
  return classesOf(name, sorted.map(String), values, rows, notes, code);
}

/**
 * names: of the classes; texts in any order, numbers in theirs. code: a value's place in names, if it is not the value
 * itself.
 */
function classesOf(
  name: string,
  names: readonly string[],
  values: NumberStore,
  rows: number,
  notes: readonly string[],
  code?: ReadonlyMap<number, number>,
): TableTarget {
  if (names.length < 2) {
    throw new DatasetRefusedError(
      `All rows have the target ${cut(names[0] ?? '')} (column ${cut(name)}), so there is nothing to tell apart. A dataset needs 2 to ${MOST_CLASSES} classes; ?target= names another column.`,
    );
  }
  // 10 comes after 2.
  const classes = code === undefined ? names.toSorted(byCodePoint) : names;
  const rank = new Map(classes.map((text, index) => [text, index]));
  const indexOf = names.map((text) => rank.get(text)!);
  const indices = new Uint16Array(rows);
  for (const { values: block, start } of values.blocks()) {
    for (let k = 0; k < block.length; k += 1) {
      const value = block[k]!;
      indices[start + k] = indexOf[code === undefined ? value : code.get(value)!]!;
    }
  }
  return { task: 'classification', classes, indices, notes };
}

/** undefined if there are more than classes may be. */
function distinctNumbers(values: NumberStore): number[] | undefined {
  const distinct = new Set<number>();
  for (const { values: block } of values.blocks()) {
    for (const value of block) distinct.add(value);
    if (distinct.size > MOST_CLASSES) return undefined;
  }
  return [...distinct];
}

function numbersOf(values: NumberStore, rows: number): Float64Array {
  const numbers = new Float64Array(rows);
  for (const { values: block, start } of values.blocks()) numbers.set(block, start);
  return numbers;
}
