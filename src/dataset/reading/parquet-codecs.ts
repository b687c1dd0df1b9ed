import * as zlib from 'node:zlib';
import { decompressLz4Raw, decompressSnappy, decompressZstd } from 'hyparquet-compressors';
import { ParquetError } from './parquet-guards.ts';

/** Compressed pages, each unpacked into exactly as many bytes that its header says, and never more. */

type Unpack = (packed: Uint8Array, bytes: number) => Uint8Array;

/** Node has this from 22.15. The library's decoder keeps to its memory, but a page can be made to take it long. */
const { zstdDecompressSync } = zlib as {
  zstdDecompressSync?: (packed: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;
};

const UNPACK: Readonly<Record<string, Unpack>> = {
  UNCOMPRESSED: (packed) => packed,
  SNAPPY: (packed, bytes) => {
    if (snappyBytes(packed) !== bytes) throw new ParquetError('a page has another size than its header says');
    return decompressSnappy(packed, bytes);
  },
  GZIP: (packed, bytes) => zlib.gunzipSync(packed, { maxOutputLength: bytes }),
  BROTLI: (packed, bytes) => zlib.brotliDecompressSync(packed, { maxOutputLength: bytes }),
  ZSTD: (packed, bytes) =>
    zstdDecompressSync?.(packed, { maxOutputLength: bytes }) ?? decompressZstd(packed, new Uint8Array(bytes)),
  LZ4_RAW: (packed, bytes) => {
    checkLz4(packed, bytes);
    return decompressLz4Raw(packed, bytes);
  },
};

export const CODECS = Object.keys(UNPACK);

/** @throws {ParquetError} also if the codec is not one of CODECS */
export function unpackPage(codec: string, packed: Uint8Array, bytes: number): Uint8Array {
  const unpack = UNPACK[codec];
  if (unpack === undefined) throw new ParquetError(`compressed with ${codec}`);
  if (bytes === 0) return new Uint8Array(0);
  let page: Uint8Array;
  try {
    page = unpack(packed, bytes);
  } catch (error) {
    throw error instanceof ParquetError ? error : new ParquetError(`a page cannot be unpacked with ${codec}`);
  }
  if (page.length !== bytes) throw new ParquetError('a page has another size than its header says');
  return page;
}

/** The size in front, which hyparquet-compressors' decoder fills its memory by. */
function snappyBytes(packed: Uint8Array): number {
  let bytes = 0;
  for (let k = 0; k < 5; k += 1) {
    const byte = packed[k];
    if (byte === undefined) return -1;
    bytes += (byte & 0x7f) * 2 ** (7 * k);
    if (byte < 0x80) return bytes;
  }
  return -1;
}

/** Adds up what a block unpacks to: the decoder goes on behind the end of its memory. */
function checkLz4(packed: Uint8Array, bytes: number): void {
  let [at, total] = [0, 0];
  const length = (first: number): number => {
    let sum = first;
    if (first < 15) return sum;
    for (;;) {
      const byte = packed[at];
      if (byte === undefined) throw new ParquetError('an LZ4 page ends too early');
      at += 1;
      sum += byte;
      if (byte < 255) return sum;
    }
  };
  while (at < packed.length) {
    const token = packed[at]!;
    at += 1;
    const literals = length(token >> 4);
    at += literals;
    total += literals;
    if (at < packed.length) {
      at += 2;
      total += length(token & 15) + 4;
    }
    if (at > packed.length || total > bytes)
      throw new ParquetError('an LZ4 page is larger than its header says');
  }
  if (total !== bytes) throw new ParquetError('an LZ4 page is smaller than its header says');
}
