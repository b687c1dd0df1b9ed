import { describe, expect, it } from 'vitest';
import { epochOrder, u32 } from '../../src/engine/random.ts';

describe('u32', () => {
  it('gives these numbers on every machine', () => {
    expect([u32(0, 0, 0, 0), u32(42, 1, 2, 3), u32(2 ** 32 - 1, 8, 1000, 2 ** 32 - 1)]).toEqual(PINNED);
  });

  it('flips about half of the bits when any bit of any part flips', () => {
    const parts = [42, 7, 3, 1000] as const;
    const before = u32(...parts);
    for (let part = 0; part < 4; part += 1) {
      let flipped = 0;
      for (let bit = 0; bit < 32; bit += 1) {
        const changed = [...parts] as [number, number, number, number];
        changed[part] = (changed[part] ^ (1 << bit)) >>> 0;
        flipped += bitsSet(u32(...changed) ^ before);
      }
      // 1,024 fair coins: 512 with a standard deviation of 16.
      expect(Math.abs(flipped - 512)).toBeLessThan(5 * 16);
    }
  });

  it('fills 256 buckets uniformly', () => {
    const buckets = new Array<number>(256).fill(0);
    for (let b = 0; b < 256_000; b += 1) buckets[u32(1, 2, 3, b) >>> 24] += 1;
    const chiSquare = buckets.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    // 255 degrees of freedom: 255 with a standard deviation of 22.6.
    expect(Math.abs(chiSquare - 255)).toBeLessThan(5 * 22.6);
  });
});

/** Computed with the same formula and Python's unbounded integers. */
const PINNED = [945_847_668, 2_640_063_164, 2_730_602_659];

function bitsSet(word: number): number {
  return (word >>> 0).toString(2).replaceAll('0', '').length;
}

describe('epochOrder', () => {
  it('is a permutation', () => {
    for (const rows of [1, 2, 3, 1000]) {
      const sorted = epochOrder(42, 1, rows).sort();
      expect([...sorted]).toEqual(Array.from({ length: rows }, (_, row) => row));
    }
    expect(epochOrder(42, 1, 0)).toHaveLength(0);
  });

  it('depends only on the epoch and the seed', () => {
    expect(epochOrder(42, 1, 1000)).toEqual(epochOrder(42, 1, 1000));
    expect(epochOrder(42, 1, 1000)).not.toEqual(epochOrder(42, 2, 1000));
    expect(epochOrder(42, 1, 1000)).not.toEqual(epochOrder(43, 1, 1000));
  });

  it('gives each of the 24 orders of 4 rows equally often', () => {
    const counts = new Map<string, number>();
    for (let epoch = 1; epoch <= 24_000; epoch += 1) {
      const order = epochOrder(7, epoch, 4).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0);
    // 23 degrees of freedom: 23 with a standard deviation of 6.8.
    expect(chiSquare).toBeLessThan(23 + 5 * 6.8);
  });

  it('gives this order on every machine', () => {
    expect([...epochOrder(42, 1, 10)]).toEqual(PINNED_ORDER);
  });
});

/** Computed with the same formula in Python. */
const PINNED_ORDER = [1, 3, 8, 2, 9, 7, 5, 4, 6, 0];
