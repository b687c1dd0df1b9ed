/** Files and hashes use little-endian numbers, whatever the byte order of the machine. */

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The numbers' bytes; on a little-endian host this is a view, not a copy. */
export function littleEndianBytes(values: Float32Array | Float64Array | Uint16Array): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return HOST_IS_LITTLE_ENDIAN ? bytes : swapped(bytes.slice(), values.BYTES_PER_ELEMENT);
}

/** The numbers in `bytes`, whose length is a multiple of 4. A copy. */
export function float32FromLittleEndian(bytes: Uint8Array): Float32Array {
  return new Float32Array(hostBytes(bytes, Float32Array.BYTES_PER_ELEMENT).buffer);
}

/** The numbers in `bytes`, whose length is a multiple of 8. A copy. */
export function float64FromLittleEndian(bytes: Uint8Array): Float64Array {
  return new Float64Array(hostBytes(bytes, Float64Array.BYTES_PER_ELEMENT).buffer);
}

/** The numbers in `bytes`, whose length is a multiple of 2. A copy. */
export function uint16FromLittleEndian(bytes: Uint8Array): Uint16Array {
  return new Uint16Array(hostBytes(bytes, Uint16Array.BYTES_PER_ELEMENT).buffer);
}

/** A copy in a buffer of its own: a Buffer's slice() would be a view into its pool. */
function hostBytes(bytes: Uint8Array, bytesPerElement: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes);
  return HOST_IS_LITTLE_ENDIAN ? copy : swapped(copy, bytesPerElement);
}

/** Reverses the bytes of each element, in place. */
function swapped<Bytes extends Uint8Array>(bytes: Bytes, bytesPerElement: number): Bytes {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytesPerElement === 2) buffer.swap16();
  else if (bytesPerElement === 4) buffer.swap32();
  else buffer.swap64();
  return bytes;
}
