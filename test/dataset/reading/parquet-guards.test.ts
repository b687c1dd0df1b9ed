import fc from 'fast-check';
import { readRleBitPackedHybrid } from 'hyparquet/src/encoding.js';
import { deserializeTCompactProtocol } from 'hyparquet/src/thrift.js';
import { describe, expect, it } from 'vitest';
import { unpackPage } from '../../../src/dataset/reading/parquet-codecs.ts';
import {
  checkDeltas,
  checkRuns,
  ParquetError,
  thriftEnd,
} from '../../../src/dataset/reading/parquet-guards.ts';

describe('thriftEnd', () => {
  it.each<[string, number[], number | undefined]>([
    ['an empty structure', [0], 1],
    ['an integer', [0x15, 0x80, 0x01, 0], 4],
    ['a text', [0x18, 2, 65, 66, 0], 5],
    ['a list of booleans', [0x19, 0x21, 1, 2, 0], 5],
    ['structures within one another', [0x1c, 0x1c, 0, 0, 0], 5],
    ['no end', [0x15, 2], undefined],
    ['a text that is longer than the bytes', [0x18, 9, 65, 0], undefined],
    ['a text of 2^32 bytes', [0x18, 0xff, 0xff, 0xff, 0xff, 0x0f, 0], undefined],
    ['a list that is longer than the bytes', [0x19, 0xf5, 0xff, 0xff, 0x03, 0, 0], undefined],
    ['lists within lists', [0x19, 0x19, 0x19, 0x15, 0, 0], undefined],
    ['a map', [0x1b, 0, 0], undefined],
    ['structures without end', Array(100).fill(0x1c), undefined],
    ['an integer without end', [0x15, ...Array(20).fill(0x80), 0], undefined],
  ])('%s', (_, bytes, end) => {
    expect(thriftEnd(Uint8Array.from(bytes), 0)).toBe(end);
  });

  it('ends where hyparquet ends, and lets nothing pass that takes more memory than the bytes', () => {
    const structure = fc.uint8Array({ minLength: 1, maxLength: 30 }).map((bytes) => {
      // More structures, lists and ends than at random.
      return bytes.map((byte) => (byte > 200 ? 0 : byte > 120 ? 0x10 | [5, 8, 9, 12][byte % 4]! : byte % 24));
    });
    let ended = 0;
    fc.assert(
      fc.property(structure, (bytes) => {
        const end = thriftEnd(bytes, 0);
        if (end === undefined) return;
        ended += 1;
        const reader = { view: new DataView(bytes.buffer), offset: 0 };
        deserializeTCompactProtocol(reader);
        expect(reader.offset).toBe(end);
      }),
      { numRuns: 20_000, seed: 1 },
    );
    expect(ended).toBeGreaterThan(500);
  });
});

describe('checkRuns', () => {
  it('refuses runs that say more than their page', () => {
    const check =
      (...bytes: number[]) =>
      () =>
        checkRuns(Uint8Array.from(bytes), 0, bytes.length, 1, 100);
    expect(check(200, 1, 1)).not.toThrow();
    expect(check(202, 1, 1)).toThrow(ParquetError);
    expect(check(0xfe, 0xff, 0xff, 0xff, 0x0f, 1)).toThrow(ParquetError);
    expect(check(0xff, 0xff, 0xff, 0xff, 0x0f, 1)).toThrow(ParquetError);
    expect(check(100, 1)).toThrow('too early');
    expect(check(27, ...Array(12).fill(255))).toThrow('too early');
    expect(() => checkRuns(new Uint8Array(9), 0, 9, 33, 1)).toThrow('33 bits');
  });

  it('lets hyparquet neither write nor read too much', () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(
        bytes,
        fc.integer({ min: 1, max: 32 }),
        fc.integer({ min: 1, max: 60 }),
        (runs, width, count) => {
          try {
            checkRuns(runs, 0, runs.length, width, count);
          } catch (error) {
            expect(error).toBeInstanceOf(ParquetError);
            return;
          }
          const output: number[] = new Array(count);
          readRleBitPackedHybrid({ view: new DataView(runs.buffer), offset: 0 }, width, output, runs.length);
          expect(output).toHaveLength(count);
        },
      ),
      { numRuns: 5000 },
    );
  });
});

it('checkDeltas refuses blocks that no program writes', () => {
  const check =
    (...bytes: number[]) =>
    () =>
      checkDeltas(Uint8Array.from(bytes), 0);
  expect(check(0x80, 1, 4)).not.toThrow();
  expect(check(0x80, 1, 0)).toThrow(ParquetError);
  expect(check(0, 4)).toThrow(ParquetError);
  expect(check(0x80, 1, 0xff, 0xff, 0x7f)).toThrow(ParquetError);
  expect(check(0xff, 0xff, 0xff, 0xff, 0x0f, 4)).toThrow(ParquetError);
  expect(check(0x80)).toThrow(ParquetError);
});

describe('compressed pages', () => {
  it('give what their header says', () => {
    expect(unpackPage('LZ4_RAW', Uint8Array.of(0x1f, 7, 1, 0, 255, 0, 0x10, 7), 276)).toEqual(
      new Uint8Array(276).fill(7),
    );
    expect(unpackPage('SNAPPY', Uint8Array.of(2, 4, 8, 9), 2)).toEqual(Uint8Array.of(8, 9));
    expect(unpackPage('UNCOMPRESSED', Uint8Array.of(1), 1)).toEqual(Uint8Array.of(1));
  });

  it.each<[string, number[], number]>([
    ['LZ4_RAW', [0x1f, 7, 1, 0, 255, 255, 255, 0, 0], 300],
    ['LZ4_RAW', [0x1f, 7, 1, 0, 255, 255], 300],
    ['LZ4_RAW', [0xf0, 255, 255, 255], 300],
    ['LZ4_RAW', [0x10, 7], 300],
    ['SNAPPY', [0xff, 0xff, 0xff, 0xff, 0x0f, 4, 8, 9], 2],
    ['SNAPPY', [], 2],
    ['GZIP', [1, 2, 3], 2],
    ['BROTLI', [1, 2, 3], 2],
    ['ZSTD', [0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0x80], 2],
    ['UNCOMPRESSED', [1, 2, 3], 2],
    ['LZO', [1, 2, 3], 2],
  ])('%s of other sizes or bytes is refused', (codec, packed, bytes) => {
    expect(() => unpackPage(codec, Uint8Array.from(packed), bytes)).toThrow(ParquetError);
  });
});
