import { MOST_CLASSES } from './limits.ts';
import type { TargetColumn } from './made-dataset.ts';
import type { NpyType } from './npy.ts';
import { Places } from './places.ts';
import { DatasetRefusedError } from './refusal.ts';
import { statisticsOf } from './statistics.ts';

/** Target arrays, y: classes from integers, booleans or one-hot rows; numbers from floats. */

export interface TargetArray {
  /** Such as y_train.npy. */
  readonly file: string;
  readonly kind: NpyType['kind'];
  readonly rows: number;
  /** Values per row: 1, or one per class. */
  readonly columns: number;
  /** (rows, columns) */
  readonly values: Float64Array;
}

export interface ArrayTargets {
  readonly task: 'classification' | 'regression';
  readonly classes: readonly string[] | null;
  /** For each array, (rows): Uint16Array of class indices, or Float64Array as given. */
  readonly targets: readonly (Uint16Array | Float64Array)[];
  readonly notes: readonly string[];
}

/**
 * arrays: train and test, or the one that is split later.
 * @throws {DatasetRefusedError}
 */
export function readTargets(
  arrays: readonly TargetArray[],
  task: 'classification' | 'regression' | undefined,
): ArrayTargets {
  refuseNonFinite(arrays);
  const [{ columns, kind }] = arrays as [TargetArray];
  if (arrays.some((array) => array.columns !== columns || array.kind !== kind)) {
    throw new DatasetRefusedError(
      'y_train and y_test must have values of one kind, and as many in each row.',
    );
  }
  if (columns > 1) return oneHot(arrays, task);
  const given = arrays.map(({ values }) => values);
  const whole = given.every((values) => values.every(Number.isInteger));
  if (task === 'regression' || (task === undefined && kind === 'float')) {
    const notes =
      whole && kind === 'float'
        ? [
            'The targets are floats, all of them whole numbers: they are taken as numbers. With task=classification they become classes.',
          ]
        : [];
    return { task: 'regression', classes: null, targets: given, notes };
  }
  if (!whole) {
    throw new DatasetRefusedError(
      'With task=classification the targets must be whole numbers, one for each class. Leave task away, or save labels: np.unique(y, return_inverse=True)[1].',
    );
  }
  return classesOf(given, kind);
}

function classesOf(given: readonly Float64Array[], kind: NpyType['kind']): ArrayTargets {
  const distinct = new Set<number>();
  for (const values of given) {
    for (const value of values) distinct.add(value);
    if (distinct.size > MOST_CLASSES) {
      throw new DatasetRefusedError(
        `The targets have more than ${MOST_CLASSES} different values, too many for classes. With task=regression they are taken as numbers.`,
      );
    }
  }
  // -0 and 0 are one value of a set.
  const values = [...distinct].sort((a, b) => a - b);
  const index = new Map(values.map((value, k) => [value, k]));
  refuseFewClasses(values.length);
  return {
    task: 'classification',
    classes: values.map((value) => (kind === 'boolean' ? String(value === 1) : String(value))),
    targets: given.map((part) => Uint16Array.from(part, (value) => index.get(value)!)),
    notes: [],
  };
}

function oneHot(arrays: readonly TargetArray[], task: string | undefined): ArrayTargets {
  const [{ columns }] = arrays as [TargetArray];
  if (task === 'regression') {
    throw new DatasetRefusedError(
      `The targets have ${columns} values in each row; a model predicts one number.`,
    );
  }
  if (columns > MOST_CLASSES) {
    throw new DatasetRefusedError(
      `The targets have ${columns} columns; at most ${MOST_CLASSES} classes are taken.`,
    );
  }
  const places = new Places(
    `The targets have ${columns} values in each row. They must be one-hot (one 1, all others 0), or one value in each row.`,
  );
  const targets = arrays.map(({ file, rows, values }) => {
    const part = new Uint16Array(rows);
    for (let row = 0; row < rows; row += 1) {
      const found = values.subarray(row * columns, (row + 1) * columns);
      const at = found.indexOf(1);
      if (at === -1 || found.some((value, k) => value !== (k === at ? 1 : 0))) {
        places.add({
          file,
          row,
          found: found.subarray(0, 8).join(', '),
          problem: 'This row is not one-hot.',
        });
      }
      part[row] = Math.max(at, 0);
    }
    return part;
  });
  places.refuse();
  return {
    task: 'classification',
    classes: Array.from({ length: columns }, (_, k) => String(k)),
    targets,
    notes: [`The targets are one-hot: ${columns} columns became the classes 0 to ${columns - 1}.`],
  };
}

function refuseNonFinite(arrays: readonly TargetArray[]): void {
  const places = new Places('Targets must be finite numbers.');
  for (const { file, values, columns } of arrays) {
    for (let k = 0; k < values.length; k += 1) {
      if (Number.isFinite(values[k])) continue;
      const row = Math.floor(k / columns);
      places.add({ file, row, found: String(values[k]), problem: 'Remove the row, or give it a target.' });
    }
  }
  places.refuse();
}

/** @throws {DatasetRefusedError} */
export function refuseFewClasses(classes: number): void {
  if (classes < 2) {
    throw new DatasetRefusedError(
      `All rows are of ${classes} class; there is nothing to tell apart. A dataset needs 2 to ${MOST_CLASSES} classes.`,
    );
  }
}

/** A number to predict, standardised by the train rows. @throws {DatasetRefusedError} */
export function standardised(
  name: string,
  train: Float64Array,
  test: Float64Array,
): { train: Float32Array; test: Float32Array; target: TargetColumn } {
  const { mean, deviation } = statisticsOf((use) => train.forEach(use));
  if (!(deviation > 0 && deviation < Infinity)) {
    throw new DatasetRefusedError(
      `All train rows have the target ${train[0]}, or targets too far apart: there is nothing to learn.`,
    );
  }
  const scaled = (values: Float64Array) => Float32Array.from(values, (value) => (value - mean) / deviation);
  return { train: scaled(train), test: scaled(test), target: { name, type: 'number', mean, deviation } };
}
