import { PNG } from 'pngjs';
import { describe, expect, it } from 'vitest';
import { readImageFolders } from '../../../src/dataset/reading/image-folders.ts';
import { ImageFoldersOptionsSchema } from '../../../src/dataset/reading/options.ts';
import { EXPECTED, LIMITS, made, refusal, written, zipOf } from './archive-files.ts';

const read = (path: string, options: object = {}, limits = LIMITS) =>
  readImageFolders(path, ImageFoldersOptionsSchema.parse(options), limits);
const readFiles = async (files: Record<string, Uint8Array>, options: object = {}, limits = LIMITS) =>
  await read(await written(zipOf(files)), options, limits);

/** A picture of one colour. */
function png(width: number, height: number, rgba: readonly [number, number, number, number]): Buffer {
  const picture = new PNG({ width, height });
  for (let p = 0; p < width * height; p += 1) picture.data.set(rgba, 4 * p);
  return PNG.sync.write(picture);
}

const grey = (value: number, width = 2, height = 2) => png(width, height, [value, value, value, 255]);

/** The red values of picture k, as it was made. */
const redOf = (k: number): string =>
  EXPECTED.small
    .slice(144 * k, 144 * (k + 1))
    .filter((_, v) => v % 3 === 0)
    .join();

it('reads folders train and test, under a folder of their own, without what systems add', async () => {
  const dataset = await read(made('folders.zip'));
  expect(dataset).toMatchObject({
    kind: 'images',
    task: 'classification',
    inputs: 48,
    image: { height: 6, width: 8, channels: 1 },
    classes: ['cat', 'dog'],
    storage: 'u8',
    options: { format: 'images', test_split: null, size: '8x6' },
  });
  expect([dataset.train.rows, dataset.test.rows]).toEqual([16, 4]);
  const numbers = [dataset.train, dataset.test].map(({ values, targets, rows }) =>
    Array.from({ length: rows }, (_, row) => {
      const red = values.slice(48 * row, 48 * row + 48).join();
      const k = Array.from({ length: 20 }, (_, number) => number).find((number) => redOf(number) === red)!;
      expect(targets[row]).toBe(k % 2 === 0 ? 1 : 0);
      return k;
    }),
  );
  expect(numbers[0]!.toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: 20 }, (_, k) => k).filter((k) => k % 5 !== 0),
  );
  // Test rows by name; train rows in an order drawn.
  expect(numbers[1]).toEqual([15, 5, 0, 10]);
  expect(new Set(dataset.train.targets.slice(-8)).size).toBe(2);
  expect(dataset.notes.join(' ')).toMatch(/All pixels are grey.*1 files are no pictures/);
});

it('has three channels when one pixel of one picture has a colour', async () => {
  const dataset = await read(made('folders-mixed.zip'));
  expect(dataset.image).toEqual({ height: 6, width: 8, channels: 3 });
  const rows = [dataset.train, dataset.test].flatMap(({ values, rows: count }) =>
    Array.from({ length: count }, (_, row) => values.slice(144 * row, 144 * row + 144).join()),
  );
  const wanted = Array.from({ length: 20 }, (_, k) => {
    const rgb = EXPECTED.small.slice(144 * k, 144 * (k + 1));
    return (k === 13 ? rgb : rgb.map((_, v) => rgb[v - (v % 3)])).join();
  });
  expect(rows.toSorted()).toEqual(wanted.toSorted());
});

it('gives the same rows however the archive was packed', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 20 }, (_, k) => [`${'ab'[k % 2]}/${k}.png`, grey(k)] as const),
  );
  const backwards = Object.fromEntries(Object.entries(files).reverse());
  expect(await readFiles(backwards)).toEqual(await readFiles(files));
});

it('resamples to one size when asked', async () => {
  const files = {
    'a/1.png': grey(10, 4, 4),
    'a/2.png': grey(20, 3, 5),
    'b/1.png': grey(30, 1, 1),
    'b/2.png': grey(40, 2, 2),
  };
  const dataset = await readFiles(files, { size: '2x3', test_split: 0.5 });
  expect(dataset.image).toEqual({ width: 2, height: 3, channels: 1 });
  expect([...dataset.train.values, ...dataset.test.values].toSorted((a, b) => a - b)).toEqual(
    [10, 20, 30, 40].flatMap((value) => new Array(6).fill(value)),
  );
  expect(dataset.notes.join(' ')).toContain('were stretched');
});

it('puts transparent pixels on white, in integers', async () => {
  const files = {
    'a/1.png': png(1, 1, [0, 0, 0, 0]),
    'a/2.png': png(1, 1, [0, 0, 0, 128]),
    'b/1.png': png(1, 1, [100, 100, 100, 128]),
    'b/2.png': png(1, 1, [9, 9, 9, 255]),
  };
  const dataset = await readFiles(files, { test_split: 0.5 });
  expect([...dataset.train.values, ...dataset.test.values].toSorted((a, b) => a - b)).toEqual([
    9, 127, 177, 255,
  ]);
  expect(dataset.notes.join(' ')).toContain('3 pictures have transparent pixels, which were put on white');
});

it('takes the outermost folder as the class, and sorts classes by code point', async () => {
  const dataset = await readFiles(
    {
      'b/x/1.png': grey(1),
      'b/y/1.png': grey(1),
      '\u{1f600}/1.png': grey(1),
      '\u{1f600}/2.png': grey(1),
      '\uff21/1.png': grey(1),
      '\uff21/2.png': grey(1),
    },
    { test_split: 0.5 },
  );
  expect(dataset.classes).toEqual(['b', '\uff21', '\u{1f600}']);
});

describe('refuses', () => {
  it.each<[string, Record<string, Uint8Array>, string]>([
    ['no pictures', { 'a.txt': Buffer.from('x') }, 'The archive has no pictures'],
    [
      'pictures in no folder',
      { 'a/1.png': grey(1), 'b/1.png': grey(1), '2.png': grey(1) },
      '2.png | It is in no folder of a class',
    ],
    ['one class', { 'a/1.png': grey(1), 'a/2.png': grey(1) }, 'All rows are of 1 class'],
    [
      'sizes that differ',
      { 'a/1.png': grey(1), 'a/2.png': grey(1, 3, 2), 'b/1.png': grey(1, 2, 3), 'b/2.png': grey(1) },
      'a/2.png | It has 3 x 2 pixels, the first has 2 x 2.\nb/1.png | It has 2 x 3',
    ],
    [
      'other formats',
      {
        'a/1.jpg': Buffer.from('ffd8ffe0', 'hex'),
        'a/2.png': grey(1),
        'b/1.png': grey(1),
        'b/2.png': grey(1),
      },
      'a/1.jpg | It is a JPEG picture. Save it as PNG',
    ],
    [
      'broken pictures',
      { 'a/1.png': grey(1).subarray(0, 60), 'a/2.png': grey(1), 'b/1.png': grey(1), 'b/2.png': grey(1) },
      'a/1.png | It is damaged',
    ],
    [
      'folders beside train and test',
      { 'train/a/1.png': grey(1), 'test/a/1.png': grey(1), 'extra/b/1.png': grey(1) },
      'Beside the folders train and test there is extra',
    ],
    [
      'a split without test',
      { 'train/a/1.png': grey(1), 'train/b/1.png': grey(1), 'val/a/1.png': grey(1) },
      'none named test. Name it test',
    ],
    [
      'train without test rows of a class folder',
      { 'train/a/1.png': grey(1), 'train/b/1.png': grey(1), 'test/1.png': grey(1) },
      'test/1.png | It is in no folder of a class',
    ],
  ])('%s', async (_, files, message) => {
    expect(await refusal(readFiles(files))).toContain(message);
  });

  it('sizes and splits that are none', async () => {
    for (const size of ['28', '0x8', '2000x2000', '8x1025']) {
      expect(ImageFoldersOptionsSchema.safeParse({ size }).success).toBe(false);
    }
    expect(ImageFoldersOptionsSchema.safeParse({ size: '1024x1' }).success).toBe(true);
    expect(await refusal(read(made('folders.zip'), { test_split: '0.2' }))).toContain(
      'has nothing to divide',
    );
  });

  it('pictures that unpack to more than the limits', async () => {
    const files = {
      'a/1.png': grey(1, 400, 400),
      'a/2.png': grey(1, 400, 400),
      'b/1.png': grey(1, 400, 400),
      'b/2.png': grey(1, 400, 400),
    };
    expect(await refusal(readFiles(files, {}))).toContain('Each row has 160000 numbers; at most 20000');
    const limits = { ...LIMITS, unpackedBytes: 1_000_000 };
    expect(await refusal(readFiles(files, { size: '2x2' }, limits))).toContain(
      'a/2.png | With it, the pictures unpack to more than 1000000',
    );
  });
});
