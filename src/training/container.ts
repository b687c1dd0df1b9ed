import { createHash } from 'node:crypto';
import {
  float32FromLittleEndian,
  float64FromLittleEndian,
  littleEndianBytes,
  uint16FromLittleEndian,
} from './little-endian.ts';

/**
 * Named arrays of numbers and some JSON that describes them, in one file that ends in a checksum:
 *
 *     "DESCENT1"       8 bytes
 *     header length    uint32, little-endian
 *     header           JSON: { kind, about, arrays: [{ name, type, length }] }
 *     arrays           one after the other, little-endian
 *     SHA-256          of everything before it, 32 bytes
 */

const MAGIC = Buffer.from('DESCENT1', 'ascii');
const PREFIX_BYTES = MAGIC.length + 4;
const DIGEST_BYTES = 32;

export interface NamedArray {
  readonly name: string;
  readonly values: Float32Array | Float64Array | Uint16Array;
}

/** How each type is written and read. */
const TYPES = {
  float32: { array: Float32Array, bytes: 4, read: float32FromLittleEndian },
  float64: { array: Float64Array, bytes: 8, read: float64FromLittleEndian },
  uint16: { array: Uint16Array, bytes: 2, read: uint16FromLittleEndian },
} as const;

type ElementType = keyof typeof TYPES;

const ELEMENT_TYPES = Object.keys(TYPES) as ElementType[];

export interface Container {
  readonly about: unknown;
  readonly arrays: readonly NamedArray[];
}

/** The bytes are not a container of that kind. The only error decodeContainer throws. */
export class ContainerError extends Error {
  override readonly name = 'ContainerError';
}

/** about: anything that JSON can represent. */
export function encodeContainer(kind: string, { about, arrays }: Container): Uint8Array {
  const header = Buffer.from(JSON.stringify({ kind, about, arrays: arrays.map(shapeOf) }), 'utf8');
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.set(MAGIC);
  prefix.writeUInt32LE(header.length, MAGIC.length);
  const body = [prefix, header, ...arrays.map(({ values }) => littleEndianBytes(values))];
  const digest = createHash('sha256');
  for (const part of body) digest.update(part);
  const file = Buffer.concat([...body, digest.digest()]);
  return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
}

/** The inverse of encodeContainer. Every length is checked before it is used. */
export function decodeContainer(kind: string, bytes: Uint8Array): Container {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length < PREFIX_BYTES + DIGEST_BYTES) throw new ContainerError(`it has only ${file.length} bytes`);
  if (!file.subarray(0, MAGIC.length).equals(MAGIC)) throw new ContainerError('it starts with other bytes');
  const body = file.subarray(0, -DIGEST_BYTES);
  if (!createHash('sha256').update(body).digest().equals(file.subarray(-DIGEST_BYTES))) {
    throw new ContainerError('its SHA-256 is not the one it was written with');
  }
  const payloadOffset = PREFIX_BYTES + body.readUInt32LE(MAGIC.length);
  if (payloadOffset > body.length) throw new ContainerError('its header is longer than the file');
  const header = parseHeader(body.subarray(PREFIX_BYTES, payloadOffset));
  if (header.kind !== kind) throw new ContainerError(`it is a ${header.kind}, not a ${kind}`);

  let offset = payloadOffset;
  const arrays = header.arrays.map(({ name, type, length }) => {
    const end = offset + length * TYPES[type].bytes;
    if (end > body.length) throw new ContainerError(`${name} is longer than the file`);
    const part = body.subarray(offset, end);
    offset = end;
    return { name, values: TYPES[type].read(part) };
  });
  if (offset !== body.length) throw new ContainerError(`${body.length - offset} bytes are left over`);
  return { about: header.about, arrays };
}

interface ArrayShape {
  name: string;
  type: ElementType;
  length: number;
}

function shapeOf({ name, values }: NamedArray): ArrayShape {
  const type = ELEMENT_TYPES.find((known) => values instanceof TYPES[known].array)!;
  return { name, type, length: values.length };
}

function parseHeader(bytes: Buffer): { kind: string; about: unknown; arrays: ArrayShape[] } {
  let header: unknown;
  try {
    header = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new ContainerError('its header is not JSON', { cause: error });
  }
  if (!isRecord(header) || typeof header.kind !== 'string' || !Array.isArray(header.arrays)) {
    throw new ContainerError('its header lacks kind or arrays');
  }
  if (!header.arrays.every(isArrayShape)) throw new ContainerError('its header does not describe its arrays');
  return { kind: header.kind, about: header.about, arrays: header.arrays };
}

function isArrayShape(value: unknown): value is ArrayShape {
  return (
    isRecord(value) &&
    typeof value.name === 'string' &&
    ELEMENT_TYPES.includes(value.type as ElementType) &&
    Number.isSafeInteger(value.length) &&
    (value.length as number) >= 0
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
