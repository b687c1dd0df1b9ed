import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readIdxSet } from '../../../src/dataset/reading/idx-set.ts';
import { readImageFolders } from '../../../src/dataset/reading/image-folders.ts';
import type { ReadLimits } from '../../../src/dataset/reading/limits.ts';
import type { MadeDataset } from '../../../src/dataset/reading/made-dataset.ts';
import { readNpz } from '../../../src/dataset/reading/npz.ts';
import {
  IdxOptionsSchema,
  ImageFoldersOptionsSchema,
  NpzOptionsSchema,
  ParquetImagesOptionsSchema,
} from '../../../src/dataset/reading/options.ts';
import { readParquetImages } from '../../../src/dataset/reading/parquet-images.ts';
import { DatasetRefusedError } from '../../../src/dataset/reading/refusal.ts';
import { withArchive } from '../../../src/dataset/reading/zip.ts';
import { makeTemporaryFolder } from '../../support/temporary-folder.ts';
import { LIMITS, made, npy, zipOf } from './archive-files.ts';

/** Whatever the bytes are: a dataset that holds together, or a refusal. Never another error, and never no answer. */

type Reader = (path: string, limits: ReadLimits) => Promise<MadeDataset>;

const READERS: Readonly<Record<string, Reader>> = {
  npz: (path, limits) => readNpz(path, NpzOptionsSchema.parse({}), limits),
  idx: (path, limits) => readIdxSet(path, IdxOptionsSchema.parse({}), limits),
  images: (path, limits) => readImageFolders(path, ImageFoldersOptionsSchema.parse({}), limits),
  parquet: (path, limits) => readParquetImages(path, ParquetImagesOptionsSchema.parse({}), limits),
};

const FILES: readonly (readonly [string, string])[] = [
  ['npz', 'keras.npz'],
  ['npz', 'table.npz'],
  ['npz', 'one-hot.npz'],
  ['npz', 'zip64.npz'],
  ['idx', 'idx.zip'],
  ['idx', 'idx-gz.zip'],
  ['images', 'folders.zip'],
  ['images', 'folders-mixed.zip'],
  ['parquet', 'images-snappy.parquet'],
  ['parquet', 'images-zstd-v2.parquet'],
  ['parquet', 'images-gzip.parquet'],
  ['parquet', 'images-brotli.parquet'],
  ['parquet', 'images-lz4.parquet'],
  ['parquet', 'images-texts.parquet'],
];

function holds(dataset: MadeDataset): void {
  for (const { rows, values, targets } of [dataset.train, dataset.test]) {
    expect(values.length).toBe(rows * dataset.inputs);
    expect(targets.length).toBe(rows);
    expect(values.every(Number.isFinite)).toBe(true);
    expect(
      targets.every((target) =>
        dataset.classes ? target < dataset.classes.length : Number.isFinite(target),
      ),
    ).toBe(true);
  }
}

async function answers(reader: Reader, path: string, bytes: Uint8Array): Promise<boolean> {
  writeFileSync(path, bytes);
  try {
    holds(await reader(path, LIMITS));
  } catch (error) {
    if (!(error instanceof DatasetRefusedError)) throw error;
  }
  return true;
}

/** Some bytes of a file overwritten, or its end cut off. */
const changes = fc.record({
  bytes: fc.array(
    fc.tuple(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), fc.integer({ min: 0, max: 255 })),
    {
      minLength: 1,
      maxLength: 6,
    },
  ),
  /** Metadata are at the end, and at the start of what is there. */
  nearEnd: fc.boolean(),
  cut: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { freq: 9 }),
});

describe('a file with changed bytes', () => {
  it.each(FILES)('%s: %s', async (format, name) => {
    const file = await readFile(made(name));
    const path = join(await makeTemporaryFolder(), 'upload');
    await fc.assert(
      fc.asyncProperty(changes, async ({ bytes, nearEnd, cut }) => {
        const changed = Buffer.from(file);
        const from = nearEnd ? Math.max(0, file.length - 600) : 0;
        for (const [at, byte] of bytes) changed[from + Math.floor(at * (file.length - from))] = byte;
        return await answers(
          READERS[format]!,
          path,
          cut === null ? changed : changed.subarray(0, cut * file.length),
        );
      }),
      { numRuns: 100 },
    );
  });
});

describe('an archive with changed bytes in its files, and the right checksums', () => {
  it.each(FILES.filter(([format]) => format !== 'parquet'))('%s: %s', async (format, name) => {
    const files = await withArchive(made(name), LIMITS, async (archive) => {
      const found: [string, Buffer][] = [];
      for (const entry of archive.entries) found.push([entry.name, await archive.read(entry)]);
      return found;
    });
    const path = join(await makeTemporaryFolder(), 'upload');
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(files.length - 1), async ({ bytes, nearEnd, cut }, which) => {
        const changed = Buffer.from(files[which]![1]);
        // Headers are at the start.
        const range = nearEnd ? changed.length : Math.min(changed.length, 100);
        for (const [at, byte] of bytes) changed[Math.floor(at * range)] = byte;
        const all = Object.fromEntries(files);
        all[files[which]![0]] = cut === null ? changed : changed.subarray(0, cut * changed.length);
        return await answers(READERS[format]!, path, zipOf(all));
      }),
      { numRuns: 100 },
    );
  });
});

describe('any bytes at all', () => {
  it.each(Object.keys(READERS))('%s', async (format) => {
    const path = join(await makeTemporaryFolder(), 'upload');
    const parquet = fc.uint8Array({ maxLength: 200 }).map((bytes) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return Buffer.concat([Buffer.from('PAR1'), bytes, length, Buffer.from('PAR1')]);
    });
    const array = fc
      .tuple(fc.string(), fc.string(), fc.uint8Array({ maxLength: 50 }))
      .map(([descr, shape, values]) => {
        const some = npy(descr, shape, values);
        return zipOf({ 'x.npy': some, 'y.npy': some, 'a/b.png': values, 'train-labels-idx1-ubyte': values });
      });
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.uint8Array({ maxLength: 300 }), parquet, array),
        async (bytes) => await answers(READERS[format]!, path, bytes),
      ),
      { numRuns: 100 },
    );
  });
});
