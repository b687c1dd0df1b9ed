import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ParquetImagesOptionsSchema } from '../../../src/dataset/reading/options.ts';
import { hasPictures, readParquetImages } from '../../../src/dataset/reading/parquet-images.ts';
import { EXPECTED, LIMITS, made, refusal, written } from './archive-files.ts';

const read = (path: string, options: object = {}, limits = LIMITS) =>
  readParquetImages(path, ParquetImagesOptionsSchema.parse(options), limits);

it.each(['snappy', 'zstd-v2', 'gzip', 'brotli', 'lz4', 'texts'])(
  'reads pictures and labels: %s',
  async (form) => {
    const path = made(`images-${form}.parquet`);
    const dataset = await read(path, form === 'texts' ? { target: 'animal' } : {});
    expect(dataset).toMatchObject({
      kind: 'images',
      inputs: 144,
      image: { height: 6, width: 8, channels: 3 },
      classes: ['cat', 'dog'],
      storage: 'u8',
      options: {
        format: 'parquet',
        target: form === 'texts' ? 'animal' : 'label',
        test_split: 0.2,
        size: '8x6',
      },
    });
    expect([dataset.train.rows, dataset.test.rows]).toEqual([16, 4]);
    const pictures = Array.from({ length: 20 }, (_, k) =>
      EXPECTED.small.slice(144 * k, 144 * (k + 1)).join(),
    );
    const seen = [dataset.train, dataset.test].flatMap(({ values, targets, rows }) =>
      Array.from({ length: rows }, (_, row) => {
        const k = pictures.indexOf(values.slice(144 * row, 144 * row + 144).join());
        expect(targets[row]).toBe(form === 'texts' ? 1 - (k % 2) : k % 2);
        return k;
      }),
    );
    expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, k) => k));
  },
);

it('tells pictures from tables', async () => {
  expect(await hasPictures(made('images-snappy.parquet'))).toBe(true);
  expect(await hasPictures(made('table.parquet'))).toBe(false);
  expect(await refusal(hasPictures(made('idx.zip')))).toContain('does not end with PAR1');
});

describe('refuses', () => {
  it('what has no pictures or no labels', async () => {
    expect(await refusal(read(made('table.parquet')))).toContain('has no column of pictures');
    expect(await refusal(read(made('images-texts.parquet')))).toContain(
      'has no column label of labels, which are integers or texts. Choose one with target=, of animal',
    );
    expect(await refusal(read(made('images-snappy.parquet'), { target: 'image' }))).toContain(
      'has no column image',
    );
  });

  it('what is no Parquet file', async () => {
    expect(await refusal(read(await written(Buffer.from('hello'))))).toContain('is not Parquet');
    expect(await refusal(read(made('idx.zip')))).toContain('does not end with PAR1');
    const file = await readFile(made('images-snappy.parquet'));
    expect(await refusal(read(await written(file.subarray(2000))))).toContain('damaged');
  });

  it('what unpacks to more than the limit', async () => {
    expect(
      await refusal(read(made('images-snappy.parquet'), {}, { ...LIMITS, unpackedBytes: 2000 })),
    ).toContain('more than 2000 bytes unpacked');
  });
});
