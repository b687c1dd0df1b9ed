import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryBudget } from '../../../src/dataset/reading/memory-budget.ts';
import { NumberStore } from '../../../src/dataset/reading/number-store.ts';
import { DatasetRefusedError } from '../../../src/dataset/reading/refusal.ts';

/** What a store gives back, and the bytes that it took for each number. */
function stored(...blocks: number[][]): { values: number[]; bytesEach: number } {
  const budget = new MemoryBudget(2 ** 20);
  const store = new NumberStore(budget);
  for (const block of blocks) store.append(Float64Array.from(block));
  const values = [...store.blocks()].flatMap((block) => [...block.values]);
  expect(store.rows).toBe(values.length);
  return { values, bytesEach: Math.floor((2 ** 20 - budget.left - 250 * blocks.length) / values.length) };
}

describe('NumberStore', () => {
  it.each([
    ['bytes', [0, 255, 7], 1],
    ['bytes with two decimals', [0, 2.55, 0.1], 1],
    ['bytes with missing ones', [0, NaN, 7], 2],
    ['small numbers', [-32767, 32767, 0], 2],
    ['decimals', [-12.8, NaN, 30.01], 2],
    ['whole numbers', [2 ** 31 - 1, -(2 ** 31) + 1, NaN], 4],
    ['more decimals', [1.234567, -9.999999], 4],
    ['float32', [Math.fround(0.1), NaN, Math.fround(3e38)], 4],
    ['float64', [0.1, 1 / 3, NaN, 1e300], 8],
    ['the edges of missing values', [-32768, -(2 ** 31)], 4],
  ])('%s', (_, values, bytesEach) => {
    expect(stored(values)).toEqual({ values, bytesEach });
  });

  it('gives back any numbers exactly; -0 as 0', () => {
    const number = fc.oneof(
      fc.double(),
      fc.integer(),
      fc.tuple(fc.integer(), fc.nat({ max: 12 })).map(([n, k]) => Number(`${n}e-${k}`)),
      fc.constantFrom(-0, NaN, 2 ** 31, -(2 ** 31), 2 ** 15, -(2 ** 15), 255, 256, 5e-324),
    );
    const block = fc.array(number, { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(block, { minLength: 1, maxLength: 3 }), (blocks) => {
        expect(stored(...blocks).values).toEqual(blocks.flat().map((value) => value + 0));
      }),
      { numRuns: 3000 },
    );
  });

  it('takes no more than its budget', () => {
    const store = new NumberStore(new MemoryBudget(1000));
    expect(() => store.append(new Float64Array(751))).toThrow(DatasetRefusedError);
    store.append(new Float64Array(750));
  });
});
