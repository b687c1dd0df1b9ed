import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { canonicalJson } from '../contract/canonical-json.ts';
import type { DataShape } from '../contract/data-shape.ts';
import { StorageUnavailableError } from '../contract/storage-error.ts';
import type { Targets, Values } from '../engine/engine.ts';
import { bytesOf, bytesPerTarget, type Content, targetBytes } from './content.ts';

/**
 * A dataset in the form that engines read, prepared once and kept in one file so that a trainer starts without delay:
 *
 *     header       one line: the format, and the shape with the content's SHA-256 as canonical JSON
 *     train targets | test targets      in bytesPerTarget() bytes per row
 *     CRC-32       of each block of values, train before test, and then of everything up to here: u32, little-endian
 *     train values | test values        bytes or float32, in blocks of BLOCK_ROWS rows
 *
 * The shape determines the header and all lengths, so reading compares the header and parses nothing. Values are read
 * straight to where they are needed and only targets are kept here, so a trainer holds each row at most once. Every
 * block is checked when it is read. CRC-32 takes a fifth of the time of SHA-256 and is enough to detect disk errors;
 * the source files come from outside and are checked by their SHA-256.
 */

/** Rows of data, in file order. */
export interface DataRows {
  readonly rows: number;
  /** (rows): indices into the dataset's classes, or numbers. */
  readonly targets: Targets;
  readonly storage: DataShape['storage'];
  /**
   * Fills `into`, (n, inputs), with the values of n rows, starting at row `from`. Always reads whole blocks of the file,
   * so it is cheapest when the range starts and ends at block boundaries.
   * @throws what the place says of damage
   */
  readValues(into: Values, from: number): void;
}

export interface Dataset {
  readonly shape: DataShape;
  readonly train: DataRows;
  readonly test: DataRows;
  /** Closes the file: values can no longer be read, targets can. */
  close(): void;
}

/** Rows that share a checksum; the last block of a part may be shorter. */
export const BLOCK_ROWS = 1000;

const CRC_BYTES = 4;

/** The folder of the prepared files. */
export const datasetsFolder = (dataDir: string): string => join(dataDir, 'datasets');

/** Where a prepared file is, and how it begins. */
export interface PreparedPlace {
  readonly path: string;
  readonly header: Buffer;
  /** What to throw for a file that is damaged at a place, in words. */
  readonly damaged: (where: string) => Error;
}

/** Opens a prepared file; undefined if it is missing, truncated, of another version or has a damaged head. */
export function openPrepared(
  { path: file, header, damaged }: PreparedPlace,
  shape: DataShape,
): Dataset | undefined {
  let fd: number;
  try {
    fd = openSync(file, 'r');
  } catch {
    return undefined;
  }
  try {
    const head = readHead(fd, header, shape);
    if (head) return datasetIn(fd, { head, firstTarget: header.length, damaged }, shape);
  } catch {
    // The file cannot be read. It is made again, like a damaged one.
  }
  closeSync(fd);
  return undefined;
}

function readHead(fd: number, header: Buffer, shape: DataShape): Buffer | undefined {
  const head = Buffer.alloc(headBytes(header, shape));
  const valueBytes = (shape.rows.train + shape.rows.test) * rowBytes(shape);
  const intact =
    fstatSync(fd).size === head.length + valueBytes &&
    readSync(fd, head, 0, head.length, 0) === head.length &&
    head.subarray(0, header.length).equals(header) &&
    head.readUInt32LE(head.length - CRC_BYTES) === crc32(head.subarray(0, -CRC_BYTES));
  return intact ? head : undefined;
}

function datasetIn(
  fd: number,
  { head, firstTarget, damaged }: { head: Buffer; firstTarget: number; damaged: PreparedPlace['damaged'] },
  shape: DataShape,
): Dataset {
  const { rows: counts, storage } = shape;
  const bytes = rowBytes(shape);
  const targets = counts.train * bytesPerTarget(shape);
  const firstCrc = firstTarget + targets + counts.test * bytesPerTarget(shape);
  const part = (rows: number, target: number, block: number, values: number): DataRows => ({
    rows,
    targets: readTargets(shape, head, target, rows),
    storage,
    readValues(wanted, from) {
      const into = bytesOf(wanted);
      const to = from + into.length / bytes;
      for (let row = from; row < to; ) {
        const b = Math.floor(row / BLOCK_ROWS);
        const [first, end] = [b * BLOCK_ROWS, Math.min((b + 1) * BLOCK_ROWS, rows)];
        const whole = row === first && end <= to;
        const read = whole
          ? into.subarray((row - from) * bytes, (end - from) * bytes)
          : new Uint8Array((end - first) * bytes);
        const length = readSync(fd, read, 0, read.length, values + first * bytes);
        if (length !== read.length || crc32(read) !== head.readUInt32LE(firstCrc + (block + b) * CRC_BYTES)) {
          throw damaged(`in the block that starts at row ${first}`);
        }
        const next = Math.min(end, to);
        if (!whole)
          into.set(read.subarray((row - first) * bytes, (next - first) * bytes), (row - from) * bytes);
        row = next;
      }
    },
  });
  return {
    shape,
    train: part(counts.train, firstTarget, 0, head.length),
    test: part(counts.test, firstTarget + targets, blocks(counts.train), head.length + counts.train * bytes),
    close: () => closeSync(fd),
  };
}

/** The targets of `rows` rows, which begin at byte `from` of the head. */
function readTargets(shape: DataShape, head: Buffer, from: number, rows: number): Targets {
  const bytes = bytesPerTarget(shape);
  // A copy, because numbers must begin at a multiple of their size.
  const { buffer } = new Uint8Array(head.subarray(from, from + rows * bytes));
  if (bytes === 1) return Uint16Array.from(new Uint8Array(buffer));
  return bytes === 2 ? new Uint16Array(buffer) : new Float32Array(buffer);
}

/** The contents of a prepared file. */
interface Parts {
  head: Buffer;
  /** Train, test. */
  values: Uint8Array[];
}

function partsOf(header: Buffer, shape: DataShape, { train, test }: Content): Parts {
  const values = [bytesOf(train.values), bytesOf(test.values)];
  const blockBytes = BLOCK_ROWS * rowBytes(shape);
  const crcs = values.flatMap((part) =>
    Array.from({ length: Math.ceil(part.length / blockBytes) }, (_, b) =>
      u32(crc32(part.subarray(b * blockBytes, (b + 1) * blockBytes))),
    ),
  );
  const targets = [train, test].map((part) => targetBytes(shape, part.targets));
  const head = Buffer.concat([header, ...targets, ...crcs]);
  return { head: Buffer.concat([head, u32(crc32(head))]), values };
}

/**
 * Writes the file in place. The head goes last, once the rest is on disk, and a file without a valid head is ignored. A
 * process killed here therefore leaves a partial file that the next one completes, and nothing to clean up.
 * @returns its bytes.
 * @throws {StorageUnavailableError} after removing the file
 */
export async function writePrepared(
  { path: file, header }: Pick<PreparedPlace, 'path' | 'header'>,
  shape: DataShape,
  content: Content,
): Promise<number> {
  const { head, values } = partsOf(header, shape, content);
  const bytes = values.reduce((sum, { length }) => sum + length, head.length);
  try {
    await mkdir(dirname(file), { recursive: true });
    const handle = await open(file, constants.O_RDWR | constants.O_CREAT);
    try {
      let end = head.length;
      for (const part of values) {
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
    return bytes;
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

/** The first line. seen: what of the shape is the same for everybody who reads the file. */
export const preparedHeader = (seen: Partial<DataShape>): Buffer =>
  Buffer.from(`descent dataset 3: ${canonicalJson(seen)}\n`);

/** Bytes of the values of a row. */
const rowBytes = ({ inputs, storage }: DataShape): number => inputs * (storage === 'u8' ? 1 : 4);

/** Bytes in front of the values. */
function headBytes(header: Buffer, shape: DataShape): number {
  const { train, test } = shape.rows;
  const targets = (train + test) * bytesPerTarget(shape);
  return header.length + targets + (blocks(train) + blocks(test) + 1) * CRC_BYTES;
}

/** Bytes of a whole file. */
export function preparedBytes(header: Buffer, shape: DataShape): number {
  return headBytes(header, shape) + (shape.rows.train + shape.rows.test) * rowBytes(shape);
}
