import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { IdxError, idxHeaderBytes, parseIdxHeader } from '../idx.ts';
import { refuseFewClasses } from './array-targets.ts';
import { ByteRun } from './byte-run.ts';
import type { ReadLimits } from './limits.ts';
import { listing } from './listing.ts';
import type { MadeDataset, MadeRows } from './made-dataset.ts';
import type { IdxOptions } from './options.ts';
import { cut } from './places.ts';
import { refuseLarge } from './prepared-size.ts';
import { DatasetRefusedError } from './refusal.ts';
import { withArchive } from './zip.ts';

/** MNIST's four files in a ZIP archive, each as it is or with gzip, with images of any size. */

/** A file as it comes, still packed if its name ends in .gz. */
export interface IdxFile {
  readonly name: string;
  chunks(): AsyncIterable<Buffer>;
  /** Told before memory is taken for what was packed. @throws {DatasetRefusedError} */
  count(bytes: number): void;
}

export type IdxPart = keyof IdxFiles;

export interface IdxFiles {
  readonly trainImages: IdxFile;
  readonly trainLabels: IdxFile;
  readonly testImages: IdxFile;
  readonly testLabels: IdxFile;
}

/** The names that MNIST and its successors have, after folders and before .gz: EMNIST puts its own name in front. */
const PARTS: readonly (readonly [IdxPart, RegExp])[] = [
  ['trainImages', /train-images[.-]idx3-ubyte$/i],
  ['trainLabels', /train-labels[.-]idx1-ubyte$/i],
  ['testImages', /(t10k|test)-images[.-]idx3-ubyte$/i],
  ['testLabels', /(t10k|test)-labels[.-]idx1-ubyte$/i],
];

/** @throws {DatasetRefusedError} */
export async function readIdxSet(
  path: string,
  _options: IdxOptions,
  limits: ReadLimits,
): Promise<MadeDataset> {
  return await withArchive(path, limits, async (archive) => {
    const files: { [Part in IdxPart]?: IdxFile } = {};
    const others: string[] = [];
    for (const entry of archive.entries) {
      const part = partOf(entry.name);
      if (part === undefined) others.push(entry.name);
      else if (files[part] !== undefined) {
        throw new DatasetRefusedError('The archive must have each of the four IDX files once.', [
          { file: cut(entry.name), problem: `${files[part].name} is the same part. Leave one of them out.` },
        ]);
      } else {
        files[part] = {
          name: entry.name,
          chunks: () => archive.chunks(entry),
          count: (bytes) => archive.count(entry, bytes),
        };
      }
    }
    const missing = PARTS.filter(([part]) => files[part] === undefined);
    if (missing.length > 0) {
      const names = archive.entries.map(({ name }) => name);
      throw new DatasetRefusedError(
        `The archive must have train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte, each with or without .gz. It has ${names.length === 0 ? 'no files' : listing(names)}.`,
      );
    }
    const made = await datasetOfIdx(files as IdxFiles, limits);
    const notes = others.length === 0 ? [] : [`Not used: ${listing(others)}.`];
    return { ...made, notes: [...made.notes, ...notes] };
  });
}

function partOf(name: string): IdxPart | undefined {
  const plain = name.replace(/\.gz$/i, '');
  return PARTS.find(([, pattern]) => pattern.test(plain))?.[0];
}

/**
 * classes: their names; without them, the labels 0 to the highest are the names.
 * @throws {DatasetRefusedError}
 */
export async function datasetOfIdx(
  files: IdxFiles,
  limits: ReadLimits,
  classes?: readonly string[],
): Promise<MadeDataset> {
  const [trainLabels, testLabels] = [
    await readIdx(files.trainLabels, [0], ([rows]) => refuseLarge(rows!, 0, limits)),
    await readIdx(files.testLabels, [0], ([rows]) => refuseLarge(rows!, 0, limits)),
  ];
  const rows = { train: trainLabels.values.length, test: testLabels.values.length };
  const names = classes ?? namesOf(trainLabels.values, testLabels.values);
  refuseFewClasses(names.length);
  const images = async (file: IdxFile, count: number, like: readonly [0, number, number]) =>
    await readIdx(file, like, ([found, height, width]) => {
      if (found !== count)
        throw refusedIdx(file, `It has ${found} images, and there are labels for ${count}.`);
      if (count === 0 || height === 0 || width === 0) throw refusedIdx(file, 'It has no pixels.');
      refuseLarge(rows.train + rows.test, height! * width!, limits);
    });
  const train = await images(files.trainImages, rows.train, [0, 0, 0]);
  const [, height, width] = train.dims as [number, number, number];
  const test = await images(files.testImages, rows.test, [0, height, width]);
  const part = (count: number, values: Uint8Array, labels: Uint8Array): MadeRows => ({
    rows: count,
    values,
    targets: Uint16Array.from(labels),
  });
  return {
    kind: 'images',
    task: 'classification',
    inputs: height * width,
    image: { height, width, channels: 1 },
    outputs: names.length,
    classes: names,
    storage: 'u8',
    train: part(rows.train, train.values, trainLabels.values),
    test: part(rows.test, test.values, testLabels.values),
    columns: null,
    target: null,
    options: { format: 'idx' },
    notes: ['The file has train and test rows, which keep their order.'],
  };
}

/** Labels are indices: a class without rows keeps its number. */
function namesOf(...labels: readonly Uint8Array[]): string[] {
  let most = 0;
  for (const part of labels) for (const label of part) most = Math.max(most, label);
  return Array.from({ length: most + 1 }, (_, k) => String(k));
}

/** refuse: asked with the dims before memory is taken. */
async function readIdx(
  file: IdxFile,
  dims: readonly [0, ...number[]],
  refuse: (dims: readonly number[]) => void,
): Promise<{ dims: readonly number[]; values: Uint8Array }> {
  const packed = /\.gz$/i.test(file.name);
  const run = new ByteRun(packed ? pipeline(file.chunks(), createGunzip(), () => {}) : file.chunks());
  try {
    const found = parseIdxHeader(await run.take(idxHeaderBytes(dims.length)), dims);
    refuse(found);
    const count = found.reduce((product, size) => product * size, 1);
    if (packed) file.count(count);
    const values = new Uint8Array(count);
    let done = 0;
    for await (const block of run.blocks(1)) {
      if (done + block.length > count)
        throw new IdxError(`has more values than the ${found.join(' x ')} of its header`);
      values.set(block, done);
      done += block.length;
    }
    if (done < count) throw new IdxError(`ends after ${done} of ${found.join(' x ')} values`);
    return { dims: found, values };
  } catch (error) {
    if (error instanceof IdxError) throw refusedIdx(file, `It ${error.message}.`);
    if (error instanceof DatasetRefusedError || (error as NodeJS.ErrnoException).syscall !== undefined)
      throw error;
    throw refusedIdx(file, `It cannot be unpacked: ${(error as Error).message}.`);
  } finally {
    await run.close();
  }
}

const refusedIdx = (file: IdxFile, problem: string): DatasetRefusedError =>
  new DatasetRefusedError('An IDX file cannot be used.', [{ file: cut(file.name), problem }]);
