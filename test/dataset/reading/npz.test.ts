import { describe, expect, it } from 'vitest';
import { bytesOf } from '../../../src/dataset/content.ts';
import { readNpz } from '../../../src/dataset/reading/npz.ts';
import { NpzOptionsSchema } from '../../../src/dataset/reading/options.ts';
import { DATASETS } from '../../../src/dataset/registry.ts';
import { loadContent } from '../../../src/dataset/sources.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';
import { EXPECTED, LIMITS, made, npy, refusal, written, zipOf } from './archive-files.ts';

const read = (path: string, options: object = {}, limits = LIMITS) =>
  readNpz(path, NpzOptionsSchema.parse(options), limits);

const readFiles = async (
  files: Readonly<Record<string, Uint8Array>>,
  options: object = {},
  limits = LIMITS,
) => await read(await written(zipOf(files)), options, limits);

const float32 = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);

describe("Keras's layout", () => {
  it('keeps train and test rows as they are', async () => {
    const dataset = await read(made('keras.npz'));
    expect(dataset).toMatchObject({
      kind: 'images',
      task: 'classification',
      inputs: 20,
      image: { height: 4, width: 5, channels: 1 },
      outputs: 3,
      classes: ['0', '1', '2'],
      storage: 'u8',
      columns: null,
      target: null,
      options: { format: 'npz', scale: 'none', test_split: null, task: 'classification' },
    });
    expect([...dataset.train.values, ...dataset.test.values]).toEqual(EXPECTED.pixels);
    expect([...dataset.train.targets, ...dataset.test.targets]).toEqual(
      Array.from({ length: 30 }, (_, k) => k % 3),
    );
    expect(dataset.train.targets).toBeInstanceOf(Uint16Array);
  });

  it('of MNIST is the built-in mnist, to the byte', async () => {
    const { train, test } = await loadContent(DATASETS.mnist.shape, await makeTemporaryFolder());
    const content = { train, test };
    const dataset = await readFiles(
      {
        'x_test.npy': npy('|u1', '(10000, 28, 28)', bytesOf(test.values)),
        'x_train.npy': npy('|u1', '(60000, 28, 28)', bytesOf(train.values)),
        'y_train.npy': npy('|u1', '(60000,)', Uint8Array.from(train.targets)),
        'y_test.npy': npy('|u1', '(10000,)', Uint8Array.from(test.targets)),
      },
      {},
      { unpackedBytes: 2 ** 28, preparedBytes: 2 ** 28 },
    );
    const { shape } = DATASETS.mnist;
    expect({ ...shape, rows: { train: dataset.train.rows, test: dataset.test.rows } }).toMatchObject({
      kind: dataset.kind,
      task: dataset.task,
      inputs: dataset.inputs,
      image: dataset.image,
      outputs: dataset.outputs,
      classes: dataset.classes,
      storage: dataset.storage,
      rows: shape.rows,
    });
    for (const part of ['train', 'test'] as const) {
      expect(Buffer.compare(bytesOf(dataset[part].values), bytesOf(content[part].values))).toBe(0);
      expect(dataset[part].targets).toEqual(content[part].targets);
    }
  });

  it('must have rows that are alike', async () => {
    const y = npy('|u1', '(2,)', Uint8Array.of(0, 1));
    const files = { 'y_train.npy': y, 'y_test.npy': y, 'x_train.npy': npy('<f4', '(2, 1)', float32(1, 2)) };
    expect(
      await refusal(readFiles({ ...files, 'x_test.npy': npy('|u1', '(2, 1)', Uint8Array.of(1, 2)) })),
    ).toContain('x_test.npy | It has the shape (2, 1) of uint8, and x_train (2, 1) of float32');
    expect(
      await refusal(readFiles({ ...files, 'x_test.npy': npy('<f4', '(3, 1)', float32(1, 2, 3)) })),
    ).toContain('targets for 2 rows');
  });
});

describe('x and y', () => {
  it('are split by row number, within each class; one-hot rows are classes', async () => {
    const dataset = await read(made('one-hot.npz'), { test_split: '0.4' });
    expect(dataset).toMatchObject({ kind: 'images', storage: 'f32', classes: ['0', '1', '2'] });
    expect([dataset.train.rows, dataset.test.rows]).toEqual([18, 12]);
    expect([0, 1, 2].map((label) => dataset.test.targets.filter((value) => value === label).length)).toEqual([
      4, 4, 4,
    ]);
    const rows = new Map<string, number>();
    for (let row = 0; row < 30; row += 1)
      rows.set(EXPECTED.pixels.slice(20 * row, 20 * row + 20).join(), row);
    const seen = [dataset.train, dataset.test].flatMap(({ values, targets, rows: count }) =>
      Array.from({ length: count }, (_, k) => {
        const row = rows.get(values.slice(20 * k, 20 * k + 20).join())!;
        expect(targets[k]).toBe(row % 3);
        return row;
      }),
    );
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, k) => k));
    expect(dataset.notes.join(' ')).toMatch(/one-hot: 3 columns.*int64, from 0 to 255.*astype\('uint8'\)/);
    expect(dataset.notes.join(' ')).toContain('Not used: names.npy');
  });

  it('with ZIP64 records are read', async () => {
    const dataset = await read(made('zip64.npz'));
    expect(dataset.train.rows + dataset.test.rows).toBe(30);
    expect(dataset.storage).toBe('u8');
  });

  it('of colours and booleans', async () => {
    const dataset = await read(made('colour.npz'));
    expect(dataset).toMatchObject({
      image: { height: 2, width: 2, channels: 3 },
      classes: ['false', 'true'],
    });
  });

  it('of floats are a table and a number to predict, which is standardised by the train rows', async () => {
    const dataset = await read(made('table.npz'));
    expect(dataset).toMatchObject({
      kind: 'table',
      task: 'regression',
      outputs: 1,
      classes: null,
      storage: 'f32',
    });
    const table = Array.from({ length: 40 }, (_, row) => EXPECTED.table.slice(3 * row, 3 * row + 3));
    const sums = new Map(
      table.map((row) => [row.map(Math.fround).join(), row.reduce((sum, value) => sum + value, 0)]),
    );
    const { mean, deviation } = dataset.target as { mean: number; deviation: number };
    for (const { values, targets, rows } of [dataset.train, dataset.test]) {
      for (let k = 0; k < rows; k += 1) {
        const sum = sums.get(values.slice(3 * k, 3 * k + 3).join())!;
        expect(targets[k]! * deviation + mean).toBeCloseTo(sum, 5);
      }
    }
    expect(dataset.columns).toHaveLength(3);
    expect(dataset.columns![0]).toMatchObject({
      name: 'x0',
      type: 'number',
      offset: 0,
      divisor: 1,
      missing: 0,
    });
  });

  it('are scaled when asked', async () => {
    const plain = await read(made('table.npz'));
    for (const scale of ['standard', 'minmax']) {
      const dataset = await read(made('table.npz'), { scale });
      dataset.columns!.forEach((column, c) => {
        if (column.type !== 'number') throw new Error('not a number');
        const values = [...dataset.train.values].filter((_, k) => k % 3 === c);
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
        if (scale === 'standard') expect(mean).toBeCloseTo(0, 6);
        else expect([Math.min(...values), Math.max(...values)]).toEqual([0, 1]);
        expect(values[0]! * column.divisor + column.offset).toBeCloseTo(plain.train.values[c]!, 5);
      });
    }
  });
});

it('moves a column of one value to 0, whatever its rounded mean would be', async () => {
  const tenths = Float64Array.from({ length: 30 }, () => 0.1);
  const files = {
    'x.npy': npy('<f8', '(30, 1)', new Uint8Array(tenths.buffer)),
    'y.npy': npy(
      '|u1',
      '(30,)',
      Uint8Array.from({ length: 30 }, (_, k) => k % 2),
    ),
  };
  const dataset = await readFiles(files, { scale: 'standard' });
  expect(dataset.columns![0]).toMatchObject({ mean: 0.1, deviation: 0, offset: 0.1, divisor: 1 });
  expect(dataset.train.values.every((value) => value === 0)).toBe(true);
});

describe('refusals', () => {
  const y = npy('<i4', '(4,)', new Uint8Array(Int32Array.of(0, 1, 0, 1).buffer));
  const x = npy('<f4', '(4, 1)', float32(1, 2, 3, 4));
  it.each<[string, Record<string, Uint8Array>, object, string]>([
    [
      'other names',
      { 'a.npy': x, 'b.npy': y },
      {},
      'The archive has the arrays a, b. Save them as np.savez_compressed',
    ],
    ['no arrays', {}, {}, 'The archive has no arrays'],
    [
      'pickle',
      { 'x.npy': npy('|O', '(4, 1)', new Uint8Array(9)), 'y.npy': y },
      {},
      'x.npy | The array has Python objects',
    ],
    [
      'one dim',
      { 'x.npy': npy('<f4', '(4,)', float32(1, 2, 3, 4)), 'y.npy': y },
      {},
      'shape (4); rows are taken as',
    ],
    [
      'no rows',
      { 'x.npy': npy('<f4', '(0, 1)', float32()), 'y.npy': npy('<i4', '(0,)', float32()) },
      {},
      '0 class',
    ],
    [
      'channels first',
      { 'x.npy': npy('|u1', '(4, 3, 8, 8)', new Uint8Array(768)), 'y.npy': y },
      {},
      'x.transpose(0, 2, 3, 1)',
    ],
    [
      'one class',
      { 'x.npy': x, 'y.npy': npy('|u1', '(4,)', new Uint8Array(4)) },
      {},
      'All rows are of 1 class',
    ],
    [
      'NaN',
      { 'x.npy': npy('<f4', '(4, 1)', float32(1, Number.NaN, 3, 4)), 'y.npy': y },
      {},
      'x.npy | 1 | 0 | NaN',
    ],
    [
      'large doubles',
      { 'x.npy': npy('<f8', '(4, 1)', new Uint8Array(Float64Array.of(1, 2, 1e39, 4).buffer)), 'y.npy': y },
      {},
      'x.npy | 2 | 0 | Infinity',
    ],
    [
      'NaN as target',
      { 'x.npy': x, 'y.npy': npy('<f4', '(4,)', float32(1, 2, 3, Number.NaN)) },
      {},
      'y.npy | 3 | NaN',
    ],
    [
      'a constant target',
      { 'x.npy': x, 'y.npy': npy('<f4', '(4,)', float32(1, 1, 1, 1)) },
      {},
      'nothing to learn',
    ],
    [
      'fractions as classes',
      { 'x.npy': x, 'y.npy': npy('<f4', '(4,)', float32(1, 2, 3, 0.5)) },
      { task: 'classification' },
      'must be whole numbers',
    ],
    [
      'rows that are not one-hot',
      { 'x.npy': x, 'y.npy': npy('|u1', '(4, 2)', Uint8Array.of(1, 0, 0, 1, 1, 1, 0, 0)) },
      {},
      'y.npy | 2 | 1, 1 | This row is not one-hot.\ny.npy | 3',
    ],
    [
      'scaled images',
      { 'x.npy': npy('<f4', '(4, 1, 1)', float32(1, 2, 3, 4)), 'y.npy': y },
      { scale: 'minmax' },
      'scale=minmax is for tables',
    ],
    [
      'many rows',
      {
        'x.npy': npy('|u1', '(4294967296, 28, 28)', new Uint8Array(8)),
        'y.npy': npy('|u1', '(4294967296,)', new Uint8Array(8)),
      },
      {},
      '4294967296 rows; at most 2097152',
    ],
    [
      'wide rows',
      { 'x.npy': npy('|u1', '(4, 20001)', new Uint8Array(8)), 'y.npy': y },
      {},
      '20001 numbers; at most 20000',
    ],
    [
      'a large claim',
      {
        'x.npy': npy('|u1', '(4000, 100, 100)', new Uint8Array(8)),
        'y.npy': npy('<f4', '(4000,)', new Uint8Array(16_000)),
      },
      {},
      '4000 rows of 10000 numbers take 160016000 bytes',
    ],
  ])('of %s', async (_, files, options, message) => {
    expect(await refusal(readFiles(files, options))).toContain(message);
  });

  it('of dividing what is divided', async () => {
    expect(await refusal(read(made('keras.npz'), { test_split: 0.1 }))).toContain(
      'test_split=0.1 has nothing to divide',
    );
  });

  it('whole floats are numbers, and classes when asked', async () => {
    const files = {
      'x.npy': npy('<f4', '(8, 1)', float32(1, 2, 3, 4, 5, 6, 7, 8)),
      'y.npy': npy('<f4', '(8,)', float32(0, 1, 2, 3, 0, 1, 2, 3)),
    };
    const dataset = await readFiles(files, { test_split: 0.5 });
    expect(dataset.task).toBe('regression');
    expect(dataset.notes.join(' ')).toContain('task=classification');
    expect((await readFiles(files, { test_split: 0.5, task: 'classification' })).classes).toEqual([
      '0',
      '1',
      '2',
      '3',
    ]);
  });
});
