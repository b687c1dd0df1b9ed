import { copyFile, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DatasetDescriptionSchema } from '../../src/contract/dataset.ts';
import { uploadProblem } from '../../src/dataset/availability.ts';
import { openDataset } from '../../src/dataset/prepared.ts';
import { makeFiles } from '../../src/dataset/reading/make-files.ts';
import { readDataset } from '../../src/dataset/reading/read.ts';
import { DatasetRefusedError } from '../../src/dataset/reading/refusal.ts';
import { DATASETS } from '../../src/dataset/registry.ts';
import { UPLOADED_FILES, UploadedFiles } from '../../src/dataset/uploads.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { npy, zipOf } from './reading/archive-files.ts';

const TABLES = 'test/dataset/reading/files/tables';
const ARCHIVES = 'test/dataset/reading/files/archives';
const LIMITS = { unpackedBytes: 2 ** 28, preparedBytes: 2 ** 28 };
const NOW = 1_790_000_000_000;

type Format = Parameters<typeof readDataset>[0];

/** Reads a file as the process of an upload does. */
async function read(dataDir: string, format: Format, file: string, options: Record<string, string> = {}) {
  const files = new UploadedFiles(dataDir);
  const folder = await files.open();
  await copyFile(file, join(folder, UPLOADED_FILES.body));
  const made = await readDataset(format, join(folder, UPLOADED_FILES.body), options, LIMITS);
  return { files, folder, made, ...(await makeFiles(made, { name: 'mine', folder })) };
}

/** The same, put in place. */
async function upload(dataDir: string, format: Format, file: string, options?: Record<string, string>) {
  const taken = await read(dataDir, format, file, options);
  await taken.files.place(taken.folder, taken.stored.shape.sha256, NOW);
  await taken.files.discard(taken.folder);
  return { ...taken, shape: taken.stored.shape };
}

const FILES: readonly [Format, string, Record<string, string>?][] = [
  ['csv', `${TABLES}/plain.csv`],
  ['csv', `${TABLES}/plain.csv`, { target: 'age' }],
  ['parquet', `${TABLES}/snappy.parquet`],
  ['parquet', `${ARCHIVES}/images-snappy.parquet`],
  ['npz', `${ARCHIVES}/keras.npz`],
  ['npz', `${ARCHIVES}/table.npz`],
  ['idx', `${ARCHIVES}/idx.zip`],
  ['images', `${ARCHIVES}/folders.zip`],
];

describe('the files of an upload', () => {
  it.each(FILES)('%s %s %o gives back the rows that were read', async (format, file, options) => {
    const dataDir = await makeTemporaryFolder();
    const { made, shape, files, bytes, stored } = await upload(dataDir, format, file, options);
    const { sha256 } = shape;
    expect((await readdir(join(dataDir, 'datasets'))).sort()).toEqual([
      `${sha256}.json`,
      `${sha256}.prepared`,
    ]);
    const dataset = await openDataset(shape, dataDir);
    for (const part of ['train', 'test'] as const) {
      expect(dataset[part].targets).toEqual(made[part].targets);
      const values = made[part].values.slice().fill(0);
      dataset[part].readValues(values, 0);
      expect(values).toEqual(made[part].values);
    }
    dataset.close();
    const text = (await files.description(sha256))!;
    const description = DatasetDescriptionSchema.parse(JSON.parse(text));
    expect(description.columns).toEqual(made.columns);
    expect(description.target_column).toEqual(made.target);
    expect(description.class_counts === null).toBe(made.classes === null);
    const sizes = ['json', 'prepared'].map((kind) =>
      readFile(join(dataDir, 'datasets', `${sha256}.${kind}`)),
    );
    expect(bytes).toBe((await Promise.all(sizes)).reduce((sum, { length }) => sum + length, 0));
    expect(stored.source.bytes).toBe((await readFile(file)).length);
    expect(await uploadProblem(shape, dataDir)).toBeNull();
    // Under another name, and for a job that was created under the first.
    (await openDataset({ ...shape, dataset: 'another' }, dataDir)).close();
  });

  it('have the hash of a built-in dataset where they have its content: the layout of Keras for mnist', async () => {
    const dataDir = await makeTemporaryFolder();
    const { shape } = DATASETS.mnist_sample;
    const sample = await openDataset(shape, dataDir);
    const arrays = (['train', 'test'] as const).flatMap((part) => {
      const { rows, targets } = sample[part];
      const pixels = new Uint8Array(rows * shape.inputs);
      sample[part].readValues(pixels, 0);
      return [
        [`x_${part}.npy`, npy('|u1', `(${rows}, 28, 28)`, pixels)],
        [`y_${part}.npy`, npy('|u1', `(${rows},)`, Uint8Array.from(targets))],
      ] as const;
    });
    sample.close();
    const file = join(dataDir, 'mnist.npz');
    await writeFile(file, zipOf(Object.fromEntries(arrays)));
    const uploaded = await upload(dataDir, 'npz', file);
    expect(uploaded.shape).toEqual({ ...shape, dataset: 'mine' });
  });

  it('have a hash that depends on the names and scales of columns', async () => {
    const dataDir = await makeTemporaryFolder();
    const rows = ['1,2,a', '2,4,b', '3,5,a', '4,9,b', '5,1,a', '6,3,b'];
    const write = async (name: string, head: string, factor: number) => {
      const file = join(dataDir, name);
      const scaled = rows.map((row) => row.replace(/^\d/, (digit) => String(factor * Number(digit))));
      await writeFile(file, [head, ...scaled, ''].join('\n'));
      return (await upload(dataDir, 'csv', file)).shape.sha256;
    };
    const first = await write('first.csv', 'x,y,class', 1);
    expect(await write('again.csv', 'x,y,class', 1)).toBe(first);
    // In another unit the rows are the same, but what a model makes of a number is not.
    expect(await write('unit.csv', 'x,y,class', 1024)).not.toBe(first);
    expect(await write('name.csv', 'z,y,class', 1)).not.toBe(first);
  });

  it('are not made again when they are missing or damaged: the message says what to do', async () => {
    const dataDir = await makeTemporaryFolder();
    const { shape, files } = await upload(dataDir, 'csv', `${TABLES}/plain.csv`);
    const path = join(dataDir, 'datasets', `${shape.sha256}.prepared`);
    const bytes = await readFile(path);
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(path, bytes);
    const damaged = await openDataset(shape, dataDir);
    const all = new Float32Array(shape.rows.test * shape.inputs);
    expect(() => damaged.test.readValues(all, 0)).toThrow(
      expect.objectContaining({
        code: 'dataset_unavailable',
        message: expect.stringContaining('Upload the same file to mine again, which repairs them.'),
      }),
    );
    damaged.close();
    expect(await readdir(join(dataDir, 'datasets'))).toContain(`${shape.sha256}.prepared`);
    await files.remove(shape.sha256);
    await expect(openDataset(shape, dataDir)).rejects.toMatchObject({
      code: 'dataset_unavailable',
      message: expect.stringMatching(/^The rows of the dataset mine .* upload the same file to mine again/),
    });
    expect(await uploadProblem(shape, dataDir)).toContain('Upload the same file to mine again.');
    await upload(dataDir, 'csv', `${TABLES}/plain.csv`);
    (await openDataset(shape, dataDir)).close();
  });

  it('may be put in place again, which replaces what is there', async () => {
    const dataDir = await makeTemporaryFolder();
    const { files, folder, stored } = await read(dataDir, 'csv', `${TABLES}/plain.csv`);
    const { sha256 } = stored.shape;
    for (let time = 0; time < 2; time += 1) {
      await files.place(folder, sha256, NOW);
      expect(await files.has(sha256)).toBe(true);
      await files.remove(sha256);
      expect(await files.has(sha256)).toBe(false);
    }
  });
});

describe('a sweep', () => {
  const sweep = (files: UploadedFiles, nowMs: number, needed: string[] = []) =>
    files.sweep({ nowMs, olderThanMs: 86_400_000 }, async (sha256) => needed.includes(sha256));

  it('removes files that no dataset needs once they are old, and no others', async () => {
    const dataDir = await makeTemporaryFolder();
    const { shape, files } = await upload(dataDir, 'csv', `${TABLES}/plain.csv`);
    await writeFile(join(dataDir, 'datasets', 'mnist-0123456789abcdef.prepared'), '');
    expect(await sweep(files, NOW + 86_000_000)).toBe(0);
    expect(await sweep(files, NOW + 87_000_000, [shape.sha256])).toBe(0);
    expect(await files.has(shape.sha256)).toBe(true);
    expect(await sweep(files, NOW + 87_000_000)).toBe(2);
    expect(await readdir(join(dataDir, 'datasets'))).toEqual(['mnist-0123456789abcdef.prepared']);
  });

  it('removes the folder of an upload that nobody works on, after an hour', async () => {
    const dataDir = await makeTemporaryFolder();
    const files = new UploadedFiles(dataDir);
    const folder = await files.open();
    const body = join(folder, UPLOADED_FILES.body);
    await writeFile(body, 'x');
    const setTimes = (path: string, ms: number) => utimes(path, ms / 1000, ms / 1000);
    await setTimes(body, NOW);
    await setTimes(folder, NOW - 7_200_000);
    expect(await sweep(files, NOW + 3_500_000)).toBe(0);
    expect(await sweep(files, NOW + 3_700_000)).toBe(1);
    expect(await readdir(join(dataDir, 'datasets'))).toEqual([]);
  });

  it('finds nothing where there is no folder', async () => {
    expect(await sweep(new UploadedFiles('/no/such/folder'), NOW)).toBe(0);
  });
});

describe('options that the file makes meaningless', () => {
  it('are refused, with those that it takes', async () => {
    const read = readDataset('parquet', `${ARCHIVES}/images-snappy.parquet`, { drop: 'a' }, LIMITS);
    await expect(read).rejects.toThrow(DatasetRefusedError);
    await expect(read).rejects.toThrow(
      'The option drop cannot be used for a Parquet file of pictures, which takes test_split, target, size.',
    );
  });
});
