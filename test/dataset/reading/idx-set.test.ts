import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readIdxSet } from '../../../src/dataset/reading/idx-set.ts';
import { IdxOptionsSchema } from '../../../src/dataset/reading/options.ts';
import { EXPECTED, LIMITS, made, refusal, written, zipOf } from './archive-files.ts';

const read = (path: string, limits = LIMITS) => readIdxSet(path, IdxOptionsSchema.parse({}), limits);
const readFiles = async (files: Record<string, Uint8Array>) => await read(await written(zipOf(files)));

function idx(dims: readonly number[], values: Uint8Array): Buffer {
  const head = Buffer.alloc(4 + 4 * dims.length);
  head.writeUInt32BE(0x0800 | dims.length);
  dims.forEach((size, d) => {
    head.writeUInt32BE(size, 4 + 4 * d);
  });
  return Buffer.concat([head, values]);
}

const LABELS = idx([2], Uint8Array.of(0, 2));
const IMAGES = idx([2, 1, 2], Uint8Array.of(1, 2, 3, 4));
const SET = {
  'train-images-idx3-ubyte': IMAGES,
  'train-labels-idx1-ubyte': LABELS,
  't10k-images-idx3-ubyte': IMAGES,
  't10k-labels-idx1-ubyte': LABELS,
};

it.each(['idx.zip', 'idx-gz.zip'])(
  'reads %s: the four files, in folders or not, with gzip or not',
  async (name) => {
    const dataset = await read(made(name));
    expect(dataset).toMatchObject({
      kind: 'images',
      task: 'classification',
      inputs: 20,
      image: { height: 4, width: 5, channels: 1 },
      classes: ['0', '1', '2'],
      storage: 'u8',
      options: { format: 'idx' },
    });
    expect([...dataset.train.values, ...dataset.test.values]).toEqual(EXPECTED.pixels);
    expect([...dataset.train.targets, ...dataset.test.targets]).toEqual(
      Array.from({ length: 30 }, (_, k) => k % 3),
    );
  },
);

it('gives a class without rows its number', async () => {
  const dataset = await readFiles({ ...SET, 'notes.txt': Buffer.from('x') });
  expect(dataset.classes).toEqual(['0', '1', '2']);
  expect(dataset.notes.join(' ')).toContain('Not used: notes.txt');
});

describe('refuses', () => {
  it.each<[string, Record<string, Uint8Array>, string]>([
    ['a missing part', { 'train-images-idx3-ubyte': IMAGES }, 'It has train-images-idx3-ubyte.'],
    [
      'a part twice',
      { ...SET, 'x/train-images-idx3-ubyte.gz': gzipSync(IMAGES) },
      'train-images-idx3-ubyte is the same part',
    ],
    [
      'images of two sizes',
      { ...SET, 't10k-images-idx3-ubyte': idx([2, 2, 1], Uint8Array.of(1, 2, 3, 4)) },
      't10k-images-idx3-ubyte | It has the size 2 x 2 x 1, not rows x 1 x 2',
    ],
    [
      'other counts',
      { ...SET, 'train-images-idx3-ubyte': idx([1, 1, 2], Uint8Array.of(1, 2)) },
      'It has 1 images, and there are labels for 2',
    ],
    [
      'a cut file',
      { ...SET, 'train-images-idx3-ubyte': IMAGES.subarray(0, -1) },
      'It ends after 3 of 2 x 1 x 2 values',
    ],
    [
      'bytes left over',
      { ...SET, 'train-images-idx3-ubyte': Buffer.concat([IMAGES, LABELS]) },
      'It has more values than',
    ],
    [
      'half a header',
      { ...SET, 'train-labels-idx1-ubyte': LABELS.subarray(0, 7) },
      'has 7 bytes, fewer than the 8 of its header',
    ],
    [
      'integers of 32 bits',
      { ...SET, 'train-labels-idx1-ubyte': Buffer.from('00000c01000000020000000100000002', 'hex') },
      'starts with 0x00000c01, not with 0x00000801',
    ],
    [
      'what is not gzip',
      { ...SET, 'train-labels-idx1-ubyte': undefined as never, 'train-labels-idx1-ubyte.gz': LABELS },
      'train-labels-idx1-ubyte.gz | It cannot be unpacked',
    ],
    [
      '2^32 - 1 rows',
      { ...SET, 'train-labels-idx1-ubyte': idx([2 ** 32 - 1], new Uint8Array(2)) },
      '4294967295 rows; at most',
    ],
    [
      'a large claim',
      { ...SET, 'train-images-idx3-ubyte': idx([2, 65535, 65535], new Uint8Array(2)) },
      '4294836225 numbers; at most 20000',
    ],
    [
      'one class',
      {
        ...SET,
        'train-labels-idx1-ubyte': idx([2], new Uint8Array(2)),
        't10k-labels-idx1-ubyte': idx([2], new Uint8Array(2)),
      },
      'All rows are of 1 class',
    ],
  ])('%s', async (_, files, message) => {
    const given = Object.fromEntries(Object.entries(files).filter(([, bytes]) => bytes !== undefined));
    expect(await refusal(readFiles(given))).toContain(message);
  });

  it('a bomb of gzip, counted with the rest of the archive', async () => {
    const images = idx([600, 100, 100], new Uint8Array(6_000_000));
    const labels = idx(
      [600],
      Uint8Array.from({ length: 600 }, (_, k) => k % 2),
    );
    const files = {
      'train-images-idx3-ubyte.gz': gzipSync(images),
      'train-labels-idx1-ubyte.gz': gzipSync(labels),
      't10k-images-idx3-ubyte.gz': gzipSync(images),
      't10k-labels-idx1-ubyte.gz': gzipSync(labels),
    };
    const path = await written(zipOf(files));
    expect((await read(path)).train.rows).toBe(600);
    expect(await refusal(read(path, { ...LIMITS, unpackedBytes: 11_000_000 }))).toContain(
      't10k-images-idx3-ubyte.gz | With it, the archive has more than 11000000 bytes unpacked',
    );
  });
});
