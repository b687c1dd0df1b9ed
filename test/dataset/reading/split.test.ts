import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitRows } from '../../../src/dataset/reading/split.ts';

describe('splitRows', () => {
  it('gives each row to one part: train rows in an order drawn, test rows in that of the file', () => {
    const { train, test } = splitRows(10, 0.2, null);
    // As they were drawn once: they must never change, or the same file would become another dataset.
    expect({ train: [...train], test: [...test] }).toMatchInlineSnapshot(`
      {
        "test": [
          1,
          9,
        ],
        "train": [
          3,
          7,
          6,
          0,
          2,
          8,
          4,
          5,
        ],
      }
    `);
    expect([...train, ...test].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('takes the same share of each class, and mixes a file that is sorted by class', () => {
    const classes = Uint16Array.from({ length: 1000 }, (_, row) => (row < 700 ? 0 : row < 990 ? 1 : 2));
    const { train, test } = splitRows(1000, 0.2, classes);
    const counts = (rows: Uint32Array) =>
      [0, 1, 2].map((value) => rows.filter((row) => classes[row] === value).length);
    expect(counts(test)).toEqual([140, 58, 2]);
    const last = counts(train.subarray(-80));
    expect(last[0]).toBeGreaterThan(40);
    expect(last[1]).toBeGreaterThan(10);
  });

  it('leaves a train row to each class, and gives what is rounded to the largest remainders', () => {
    const classes = Uint16Array.from({ length: 100 }, (_, row) => row >> 1);
    const { train, test } = splitRows(100, 0.2, classes);
    expect(test).toHaveLength(20);
    expect(new Set(Array.from(train, (row) => classes[row])).size).toBe(50);
    expect(splitRows(3, 0.9, Uint16Array.of(0, 1, 2)).test).toHaveLength(0);
  });

  it('divides any rows without losing one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 60 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.boolean(),
        (classes, share, stratified) => {
          const { train, test } = splitRows(
            classes.length,
            share,
            stratified ? Uint16Array.from(classes) : null,
          );
          expect([...train, ...test].sort((a, b) => a - b)).toEqual([...classes.keys()]);
          expect(test.length).toBeLessThanOrEqual(Math.round(classes.length * share));
          expect(train.length).toBeGreaterThan(0);
        },
      ),
    );
  });
});
