import { endianness } from 'node:os';
import type { ByteRun } from './byte-run.ts';

/**
 * NumPy's format of one array (numpy/lib/_format_impl.py): a magic, the version, the length of a header, the header
 * (the text of a Python dictionary), and the values, row-major or, "Fortran order", with the first index the fastest.
 */

/** The bytes are not an array that can be used; the message goes behind "x_train.npy ". */
export class NpyError extends Error {
  override readonly name = 'NpyError';
}

export interface NpyHeader {
  readonly type: NpyType;
  /** The first index is the fastest. */
  readonly fortran: boolean;
  readonly shape: readonly number[];
  /** Values: the product of the shape. */
  readonly count: number;
}

export interface NpyType {
  /** As NumPy calls it: uint8, float64 ... */
  readonly name: string;
  readonly kind: 'boolean' | 'integer' | 'float';
  readonly bytes: 1 | 2 | 4 | 8;
  /** The byte order. */
  readonly little: boolean;
  read(view: DataView, at: number): number;
}

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');

/** NumPy itself writes less than 200 bytes, and reads no more than 10,000. */
const MOST_HEADER_BYTES = 10_000;
const TWO_TO_32 = 2 ** 32;
/** Of this machine. */
const IS_LITTLE = endianness() === 'LE';

/** @throws {NpyError} */
export async function readNpyHeader(bytes: ByteRun): Promise<NpyHeader> {
  const start = await bytes.take(8);
  if (start.length < 8 || !start.subarray(0, 6).equals(MAGIC)) throw new NpyError('is not a NumPy array');
  const version = start[6]!;
  if (version < 1 || version > 3) {
    throw new NpyError(`has version ${version} of the NPY format; 1, 2 and 3 are read`);
  }
  const lengthBytes = version === 1 ? 2 : 4;
  const lengthField = await bytes.take(lengthBytes);
  if (lengthField.length < lengthBytes) throw new NpyError('ends within its header');
  const length = lengthField.readUIntLE(0, lengthBytes);
  if (length > MOST_HEADER_BYTES) {
    throw new NpyError(`has a header of ${length} bytes; at most ${MOST_HEADER_BYTES} are read`);
  }
  const header = await bytes.take(length);
  if (header.length < length) throw new NpyError('ends within its header');
  return parseHeader(header.toString(version === 3 ? 'utf8' : 'latin1'));
}

function parseHeader(text: string): NpyHeader {
  const descr = /['"]descr['"]\s*:\s*(?:'([^']*)'|"([^"]*)"|(\[))/.exec(text);
  const order = /['"]fortran_order['"]\s*:\s*(True|False)\b/.exec(text);
  const shape = /['"]shape['"]\s*:\s*\(([\d\sL,]*)\)/.exec(text);
  if (!descr || !order || !shape) throw new NpyError('has a header without descr, fortran_order and shape');
  if (descr[3] !== undefined) {
    throw new NpyError('has several fields in each value (a structured array); save each field as an array');
  }
  const sizes = shape[1]!
    .split(',')
    .map((size) => size.trim())
    .filter((size) => size !== '')
    .map((size) => Number(size.replace(/L$/, '')));
  const count = sizes.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(count) || sizes.length > 32)
    throw new NpyError('has a shape that is no size of an array');
  return { type: typeOf(descr[1] ?? descr[2]!), fortran: order[1] === 'True', shape: sizes, count };
}

function typeOf(descr: string): NpyType {
  const parts = /^([<>=|]?)([a-zA-Z])(\d*)/.exec(descr);
  const [, order = '', letter = '', digits = ''] = parts ?? [];
  if (letter === 'O') {
    throw new NpyError(
      "has Python objects, which only pickle reads, and pickle runs what a file says. Save numbers: x.astype('float32'), or np.stack(x) for a list of arrays",
    );
  }
  if (letter === 'U' || letter === 'S') {
    throw new NpyError(
      'has texts. Save numbers: labels as integers, by np.unique(labels, return_inverse=True)[1]',
    );
  }
  // `=` is the byte order of the machine that wrote it; NumPy never writes it.
  const little = order !== '>';
  const bytes = Number(digits);
  const read = READERS[`${letter}${digits}`];
  if (parts === null || parts[0] !== descr || read === undefined) {
    throw new NpyError(
      `has values of type ${descr.slice(0, 20)}; booleans, integers, and floats of 16, 32 and 64 bits are read. Save it as x.astype('float32')`,
    );
  }
  const { name, kind } = NAMES[letter]!;
  return {
    name: kind === 'boolean' ? name : `${name}${8 * bytes}`,
    kind,
    bytes: bytes as NpyType['bytes'],
    little,
    read: read(little),
  };
}

const NAMES: Readonly<Record<string, { name: string; kind: NpyType['kind'] }>> = {
  b: { name: 'bool', kind: 'boolean' },
  i: { name: 'int', kind: 'integer' },
  u: { name: 'uint', kind: 'integer' },
  f: { name: 'float', kind: 'float' },
};

/** 64-bit integers beyond 2^53 are rounded once, to the nearest double. */
const READERS: Readonly<Record<string, ((little: boolean) => NpyType['read']) | undefined>> = {
  b1: () => (view, at) => (view.getUint8(at) === 0 ? 0 : 1),
  u1: () => (view, at) => view.getUint8(at),
  i1: () => (view, at) => view.getInt8(at),
  u2: (little) => (view, at) => view.getUint16(at, little),
  i2: (little) => (view, at) => view.getInt16(at, little),
  u4: (little) => (view, at) => view.getUint32(at, little),
  i4: (little) => (view, at) => view.getInt32(at, little),
  u8: (little) => (view, at) =>
    view.getUint32(little ? at + 4 : at, little) * TWO_TO_32 + view.getUint32(little ? at : at + 4, little),
  i8: (little) => (view, at) =>
    view.getInt32(little ? at + 4 : at, little) * TWO_TO_32 + view.getUint32(little ? at : at + 4, little),
  f2: (little) => (view, at) => half(view.getUint16(at, little)),
  f4: (little) => (view, at) => view.getFloat32(at, little),
  f8: (little) => (view, at) => view.getFloat64(at, little),
};

/** IEEE 754's binary16: a sign, 5 bits of exponent, 10 of fraction. */
function half(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/**
 * Fills `target`, (header.count), with the values in row-major order, rounded as its type does.
 * @throws {NpyError} unless the rest of the bytes is exactly these values.
 */
export async function readNpyValues(
  bytes: ByteRun,
  header: NpyHeader,
  target: Uint8Array | Float32Array | Float64Array,
): Promise<void> {
  const { type, count } = header;
  const place = header.fortran && header.shape.length > 1 ? placeInRows(header.shape) : null;
  const copied = place === null && isSame(type, target);
  const bytesOf = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
  let k = 0;
  for await (const block of bytes.blocks(type.bytes)) {
    const values = Math.floor(block.length / type.bytes);
    if (values * type.bytes !== block.length || k + values > count) {
      throw new NpyError(
        `does not have exactly the ${count} values of ${type.bytes} bytes that its header says`,
      );
    }
    if (copied) bytesOf.set(block, k * type.bytes);
    else {
      const view = new DataView(block.buffer, block.byteOffset, block.length);
      for (let n = 0; n < values; n += 1) {
        target[place === null ? k + n : place(k + n)] = type.read(view, n * type.bytes);
      }
    }
    k += values;
  }
  if (k !== count) throw new NpyError(`ends after ${k} of ${count} values`);
}

/** Whether the bytes of the file are those of the array, and need no reading one by one. */
function isSame({ name, little }: NpyType, target: Uint8Array | Float32Array | Float64Array): boolean {
  if (target instanceof Uint8Array) return name === 'uint8';
  return name === (target instanceof Float32Array ? 'float32' : 'float64') && little === IS_LITTLE;
}

/** Where value k of Fortran order stands in row-major order. */
function placeInRows(shape: readonly number[]): (k: number) => number {
  const rows = shape[0]!;
  const inner = shape.slice(1);
  const rowLength = inner.reduce((product, size) => product * size, 1);
  const places = new Uint32Array(rowLength);
  for (let j = 0; j < rowLength; j += 1) {
    let [rest, stride, place] = [j, rowLength, 0];
    for (const size of inner) {
      stride /= size;
      place += (rest % size) * stride;
      rest = Math.floor(rest / size);
    }
    places[j] = place;
  }
  return (k) => (k % rows) * rowLength + places[Math.floor(k / rows)]!;
}
