import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdxError, parseIdx } from '../../src/dataset/idx.ts';

/** IDX bytes of unsigned bytes with these dims; `count` values follow, whatever the dims say. */
function idx(dims: readonly number[], count: number): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * dims.length + count);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x0800 | dims.length);
  dims.forEach((size, d) => {
    view.setUint32(4 + 4 * d, size);
  });
  for (let k = 0; k < count; k += 1) bytes[4 + 4 * dims.length + k] = k + 1;
  return bytes;
}

describe('parseIdx', () => {
  it('returns dims and values', () => {
    expect(parseIdx(idx([2, 3, 2], 12), [0, 3, 2])).toEqual({
      dims: [2, 3, 2],
      values: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
    });
    expect(parseIdx(idx([3], 3), [0]).values).toEqual(Uint8Array.of(1, 2, 3));
    expect(parseIdx(idx([0, 3, 2], 0), [0, 3, 2]).values).toHaveLength(0);
  });

  it('reads from the middle of a larger buffer', () => {
    const file = idx([3], 3);
    const shifted = new Uint8Array(file.length + 5);
    shifted.set(file, 5);
    expect(parseIdx(shifted.subarray(5), [0]).values).toEqual(Uint8Array.of(1, 2, 3));
  });

  it.each<[string, Uint8Array, readonly [0, ...number[]], string]>([
    ['no bytes', new Uint8Array(0), [0], 'has 0 bytes, fewer than the 8 of its header'],
    ['half a header', idx([2, 3, 2], 12).subarray(0, 15), [0, 3, 2], 'fewer than the 16'],
    ['other dims', idx([3], 3), [0, 3, 2], 'has 11 bytes, fewer than the 16'],
    ['another number of dims', idx([20], 20), [0, 3, 2], 'starts with 0x00000801, not with 0x00000803'],
    ['another shape', idx([2, 2, 3], 12), [0, 3, 2], 'has the size 2 x 2 x 3, not rows x 3 x 2'],
    ['a truncated end', idx([2, 3, 2], 11), [0, 3, 2], 'has 27 bytes, but 2 rows make 28'],
    ['bytes left over', idx([2, 3, 2], 13), [0, 3, 2], 'has 29 bytes, but 2 rows make 28'],
    ['2^32 - 1 rows', idx([2 ** 32 - 1, 3, 2], 12), [0, 3, 2], '4294967295 rows make 25769803786'],
  ])('refuses %s', (_, bytes, dims, message) => {
    expect(() => parseIdx(bytes, dims)).toThrow(IdxError);
    expect(() => parseIdx(bytes, dims)).toThrow(message);
  });

  it('refuses values that are not unsigned bytes', () => {
    const bytes = idx([3], 3);
    bytes[2] = 0x0d;
    expect(() => parseIdx(bytes, [0])).toThrow('starts with 0x00000d01');
  });

  it('parses any bytes or throws an IdxError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          const { dims, values } = parseIdx(bytes, [0, 1]);
          return values.length === dims[0];
        } catch (error) {
          return error instanceof IdxError;
        }
      }),
    );
  });
});
