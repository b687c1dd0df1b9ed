import { describe, expect, it } from 'vitest';
import { countTrainRows, stepsPerEpoch } from '../../src/dataset/row-counts.ts';

describe('countTrainRows', () => {
  it.each([
    [60_000, 0.2, 48_000],
    [60_000, 0, 60_000],
    // 1 - 0.9 is a little less than 0.1 in float64, and Keras rounds down.
    [6_000, 0.9, 599],
    [10, 0.9, 0],
    [60_000, 1 / 3, 40_000],
    [60_000, 1e-9, 59_999],
  ])('for %i rows with a split of %f is %i', (rows, split, expected) => {
    expect(countTrainRows(rows, split)).toBe(expected);
  });
});

describe('stepsPerEpoch', () => {
  it('counts a short last batch', () => {
    expect(stepsPerEpoch(48_000, 32)).toBe(1_500);
    expect(stepsPerEpoch(33, 32)).toBe(2);
    expect(stepsPerEpoch(1, 32)).toBe(1);
  });
});
