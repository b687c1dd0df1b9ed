import type { ReadLimits } from './limits.ts';
import type { Column, MadeDataset, MadeRows, TargetColumn } from './made-dataset.ts';
import type { TableOptions } from './options.ts';
import { cut, Places } from './places.ts';
import { refuseLarge } from './prepared-size.ts';
import type { ReadTable } from './read-table.ts';
import { DatasetRefusedError } from './refusal.ts';
import { DEFAULT_TEST_SPLIT, type Split, splitRows } from './split.ts';
import { statisticsOf } from './statistics.ts';
import { fillInputs, inputsOf } from './table-inputs.ts';
import { counted, listed } from './table-roles.ts';
import { readTarget, type TableTarget } from './table-target.ts';

/**
 * Makes a dataset of a table, whichever format it had.
 * @throws {DatasetRefusedError}
 */
export function makeTable(table: ReadTable, options: TableOptions, limits: ReadLimits): MadeDataset {
  if (table.inputs.length === 0) {
    throw new DatasetRefusedError('No column but the target has a value; a model needs at least one.');
  }
  const inputs = table.inputs.reduce((sum, column) => sum + inputsOf(column), 0);
  refuseLarge(table.rows, inputs, limits);
  const target = readTarget(table, options.task);
  const testSplit = options.test_split ?? DEFAULT_TEST_SPLIT;
  const indices = target.task === 'classification' ? target.indices : null;
  const split = table.split === null ? splitRows(table.rows, testSplit, indices) : splitGiven(table);
  refuseEmpty(split, table);
  const { train, test, ...made } = targetsOf(table.target.name, target, split);
  const scale = options.scale ?? 'standard';
  const to = {
    inputs,
    rows: destinations(split, table.rows),
    train: new Float32Array(split.train.length * inputs),
    test: new Float32Array(split.test.length * inputs),
  };
  const columns = fillInputs(table, scale, to);
  return {
    kind: 'table',
    task: target.task,
    inputs,
    image: null,
    ...made,
    storage: 'f32',
    train: { rows: split.train.length, values: to.train, targets: train },
    test: { rows: split.test.length, values: to.test, targets: test },
    columns,
    options: {
      ...table.options,
      target: table.target.name,
      task: target.task,
      scale,
      drop: options.drop ?? [],
      test_split: table.split === null ? testSplit : null,
      split_column: table.split?.name ?? null,
    },
    notes: [...table.notes, ...target.notes, ...columnNotes(columns), ...classNotes(target, split)],
  };
}

/** By a column that says train or test. */
function splitGiven({ split, rows, placeOf }: ReadTable): Split {
  const { name, texts, values } = split!;
  const places = new Places(`The column ${cut(name)} must say train or test for each row.`);
  const parts = texts.map((text) => /^(?:train|test)$/i.exec(text)?.[0].toLowerCase());
  const [train, test] = [new Uint32Array(rows), new Uint32Array(rows)];
  let [trained, tested] = [0, 0];
  for (const { values: block, start } of values.blocks()) {
    for (let k = 0; k < block.length; k += 1) {
      const row = start + k;
      const part = parts[block[k]!];
      if (part === 'train') {
        train[trained] = row;
        trained += 1;
      } else if (part === 'test') {
        test[tested] = row;
        tested += 1;
      } else {
        const found = cut(texts[block[k]!]!);
        places.add({
          ...placeOf(row),
          column: name,
          found,
          problem: 'Write train or test, or remove the row.',
        });
      }
    }
  }
  places.refuse();
  return { train: train.slice(0, trained), test: test.slice(0, tested) };
}

function refuseEmpty({ train, test }: Split, { split, rows }: ReadTable): void {
  if (train.length > 0 && test.length > 0) return;
  const missing = test.length === 0 ? 'test' : 'train';
  throw new DatasetRefusedError(
    split === null
      ? `Of ${counted(rows, 'row')} none is left for the ${missing} rows. Upload more rows, or another test_split.`
      : `The column ${cut(split.name)} says ${missing} of no row. A dataset needs train and test rows.`,
  );
}

type Targets = Pick<MadeDataset, 'outputs' | 'classes'> & {
  readonly target: TargetColumn;
  readonly train: MadeRows['targets'];
  readonly test: MadeRows['targets'];
};

function targetsOf(name: string, target: TableTarget, { train, test }: Split): Targets {
  if (target.task === 'classification') {
    const { classes, indices } = target;
    const picked = (rows: Uint32Array) => Uint16Array.from(rows, (row) => indices[row]!);
    const trained = picked(train);
    if (trained.every((index) => index === trained[0])) {
      throw new DatasetRefusedError(
        `All train rows are of the class ${cut(classes[trained[0]!]!)}, so there is nothing to tell apart.`,
      );
    }
    return {
      outputs: classes.length,
      classes,
      target: { name, type: 'class' },
      train: trained,
      test: picked(test),
    };
  }
  const { numbers } = target;
  // In the order of the file, whatever order the rows are stored in.
  const inOrder = train.toSorted();
  const { mean, deviation } = statisticsOf((use) => {
    for (const row of inOrder) use(numbers[row]!);
  });
  if (!(deviation > 0 && deviation < Infinity)) {
    throw new DatasetRefusedError(
      deviation === 0
        ? `All train rows have the target ${mean} (column ${cut(name)}), so there is nothing to learn.`
        : `The targets (column ${cut(name)}) are too large to be added. Give them in a larger unit.`,
    );
  }
  const scaled = (rows: Uint32Array) => Float32Array.from(rows, (row) => (numbers[row]! - mean) / deviation);
  const made = { train: scaled(train), test: scaled(test) };
  if (!made.test.every(Number.isFinite)) {
    throw new DatasetRefusedError(
      `Test rows have targets (column ${cut(name)}) too far from those of the train rows.`,
    );
  }
  return { outputs: 1, classes: null, target: { name, type: 'number', mean, deviation }, ...made };
}

function destinations({ train, test }: Split, rows: number): Int32Array {
  const to = new Int32Array(rows);
  train.forEach((row, t) => {
    to[row] = t;
  });
  test.forEach((row, t) => {
    to[row] = -1 - t;
  });
  return to;
}

function columnNotes(columns: readonly Column[]): string[] {
  const notes: string[] = [];
  const missing = (type: Column['type']) =>
    columns
      .filter((column) => column.type === type && column.missing > 0)
      .map((c) => `${c.name} (${c.missing})`);
  const [numbers, texts] = [missing('number'), missing('text')];
  if (numbers.length > 0) {
    notes.push(`Missing numbers became the mean of the train rows: ${listed(numbers)}.`);
  }
  if (texts.length > 0)
    notes.push(`Rows without a text have 0 in all inputs of the column: ${listed(texts)}.`);
  const constant = columns.filter((column) =>
    column.type === 'number' ? column.min === column.max : column.values.length === 1 && column.missing === 0,
  );
  if (constant.length > 0) {
    notes.push(
      `Columns with one value in all train rows tell a model nothing: ${listed(constant.map(({ name }) => name))}.`,
    );
  }
  return notes;
}

function classNotes(target: TableTarget, { train, test }: Split): string[] {
  if (target.task === 'regression') return [];
  const { classes, indices } = target;
  return [
    { rows: train, name: 'train' },
    { rows: test, name: 'test' },
  ].flatMap(({ rows, name }) => {
    const seen = new Set(Array.from(rows, (row) => indices[row]!));
    const unseen = classes.filter((_, index) => !seen.has(index));
    return unseen.length > 0 ? [`Classes without ${name} rows: ${listed(unseen)}.`] : [];
  });
}
