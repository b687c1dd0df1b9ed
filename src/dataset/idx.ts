/**
 * The IDX format of the original MNIST files (http://yann.lecun.com/exdb/mnist): two zero bytes, the type of
 * the values (0x08 = unsigned byte), the number of dims, each dim as a big-endian uint32, then the values.
 */

const UNSIGNED_BYTE = 0x08;
const BYTES_PER_DIM = 4;
const MAGIC_BYTES = 4;

export interface IdxArray {
  readonly dims: readonly number[];
  /** Row-major, a view into the bytes that were parsed. */
  readonly values: Uint8Array;
}

/** The bytes are not the expected IDX file; the message gives what was found and what was expected. */
export class IdxError extends Error {
  override readonly name = 'IdxError';
}

/** How many bytes the header of an array of `rank` dims takes. */
export const idxHeaderBytes = (rank: number): number => MAGIC_BYTES + BYTES_PER_DIM * rank;

/**
 * The dims of an IDX array of unsigned bytes, from the start of the file. dims: what is expected; 0 stands for any size:
 * [0, 28, 28] accepts any number of images of 28 x 28. bytes: at least the header.
 * @throws {IdxError}
 */
export function parseIdxHeader(bytes: Uint8Array, dims: readonly [0, ...number[]]): readonly number[] {
  const headerBytes = idxHeaderBytes(dims.length);
  if (bytes.length < headerBytes) {
    throw new IdxError(`has ${bytes.length} bytes, fewer than the ${headerBytes} of its header`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  const expectedMagic = (UNSIGNED_BYTE << 8) | dims.length;
  if (magic !== expectedMagic) {
    throw new IdxError(`starts with ${hex(magic)}, not with ${hex(expectedMagic)}`);
  }
  const found = dims.map((_, d) => view.getUint32(MAGIC_BYTES + BYTES_PER_DIM * d));
  dims.forEach((size, d) => {
    if (size !== 0 && found[d] !== size) {
      throw new IdxError(`has the size ${found.join(' x ')}, not rows x ${dims.slice(1).join(' x ')}`);
    }
  });
  return found;
}

/**
 * Parses an IDX array of `dims.length` dims; dims as for parseIdxHeader.
 *
 * The header's sizes are compared with the number of bytes before they are used, so a header that claims 2^32 rows
 * costs nothing.
 * @throws {IdxError}
 */
export function parseIdx(bytes: Uint8Array, dims: readonly [0, ...number[]]): IdxArray {
  const headerBytes = idxHeaderBytes(dims.length);
  const found = parseIdxHeader(bytes, dims);
  const expectedBytes = headerBytes + found.reduce((product, size) => product * size, 1);
  if (bytes.length !== expectedBytes) {
    throw new IdxError(`has ${bytes.length} bytes, but ${found[0]} rows make ${expectedBytes}`);
  }
  return { dims: found, values: bytes.subarray(headerBytes) };
}

function hex(word: number): string {
  return `0x${word.toString(16).padStart(8, '0')}`;
}
