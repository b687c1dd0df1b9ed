import { alpDecode } from 'hyparquet/src/alp.js';
import { deltaBinaryUnpack, deltaLengthByteArray } from 'hyparquet/src/delta.js';
import { byteStreamSplit, readRleBitPackedHybrid } from 'hyparquet/src/encoding.js';
import { readPlain } from 'hyparquet/src/plain.js';
import type { SchemaElement } from './parquet-file.ts';
import { checkDeltas, checkRuns, ParquetError } from './parquet-guards.ts';

/** The values of a page as they are stored: what they mean is parquet-types.ts's. */
export type Values =
  | Uint8Array
  | Int32Array
  | BigInt64Array
  | Float32Array
  | Float64Array
  | readonly boolean[]
  | readonly bigint[]
  | readonly Uint8Array[];

/**
 * bytes: of the page, unpacked; the values start at `from`. With a dictionary's encoding they are indices.
 * @throws {ParquetError}
 */
export function decodeValues(
  encoding: string,
  bytes: Uint8Array,
  from: number,
  count: number,
  element: SchemaElement,
): Values {
  if (count === 0) return [];
  try {
    return decoded(encoding, bytes, from, count, element);
  } catch (error) {
    // A read behind the end of the page, mostly.
    throw error instanceof ParquetError ? error : new ParquetError(`values that are no ${encoding}`);
  }
}

function decoded(
  encoding: string,
  bytes: Uint8Array,
  from: number,
  count: number,
  { type, type_length: length }: SchemaElement,
): Values {
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: from };
  switch (encoding) {
    case 'PLAIN':
      // Before arrays of this length are made.
      if (type === 'BOOLEAN' ? count > (bytes.length - from) * 8 : count > bytes.length - from) {
        throw new ParquetError('fewer values than its header says');
      }
      return checked(readPlain(reader, type!, count, length) as Values, count);
    case 'RLE_DICTIONARY':
    case 'PLAIN_DICTIONARY':
      return indices(bytes, from, count);
    case 'RLE': {
      if (type !== 'BOOLEAN') throw new ParquetError('run lengths of no booleans');
      const end = from + 4 + reader.view.getUint32(from, true);
      if (end > bytes.length) throw new ParquetError('runs that are longer than their page');
      checkRuns(bytes, from + 4, end, 1, count);
      return Array.from(readLevels(bytes, from + 4, end, 1, count), (bit) => bit === 1);
    }
    case 'BYTE_STREAM_SPLIT':
      if (count > bytes.length - from) throw new ParquetError('fewer values than its header says');
      return checked(byteStreamSplit(reader, count, type!, length) as Values, count);
    case 'DELTA_BINARY_PACKED': {
      checkDeltas(bytes, from);
      const values = type === 'INT32' ? new Int32Array(count) : new BigInt64Array(count);
      deltaBinaryUnpack(reader, count, values);
      return values;
    }
    case 'DELTA_LENGTH_BYTE_ARRAY': {
      checkDeltas(bytes, from);
      const values = new Array<Uint8Array>(count);
      deltaLengthByteArray(reader, count, values);
      return values;
    }
    case 'ALP':
      return alpDecode(reader, count, type!) as Values;
    default:
      throw new ParquetError(`values in ${encoding}`);
  }
}

function checked(values: Values, count: number): Values {
  if (values.length !== count) throw new ParquetError('fewer values than its header says');
  return values;
}

/** The bits of each index, then runs of them. */
function indices(bytes: Uint8Array, from: number, count: number): Int32Array {
  const width = bytes[from];
  if (width === undefined) throw new ParquetError('a page without indices');
  const values = new Int32Array(count);
  // A dictionary of one value.
  if (width === 0) return values;
  checkRuns(bytes, from + 1, bytes.length, width, count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  readRleBitPackedHybrid({ view, offset: from + 1 }, width, values, bytes.length - from - 1);
  return values;
}

/** (count): numbers of `width` bits, up to 8; checked by checkRuns. */
export function readLevels(
  bytes: Uint8Array,
  from: number,
  to: number,
  width: number,
  count: number,
): Uint8Array {
  const levels = new Uint8Array(count);
  const view = new DataView(bytes.buffer, bytes.byteOffset, to);
  readRleBitPackedHybrid({ view, offset: from }, width, levels, to - from);
  return levels;
}
