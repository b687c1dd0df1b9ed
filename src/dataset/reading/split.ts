import { u32 } from '../../engine/random.ts';

/** Which rows train and which test, where a file does not say. The same file gives the same rows everywhere. */

const SEED = 42;
/** What these numbers are drawn for, unlike those of random.ts. */
const SPLIT = 0x53_50_4c_54;

const TWO_TO_21 = 2 ** 21;

export const DEFAULT_TEST_SPLIT = 0.2;

export interface Split {
  /** Rows of the file in the order drawn. */
  readonly train: Uint32Array;
  /** Rows of the file, ascending. */
  readonly test: Uint32Array;
}

/**
 * Draws by (42, row). Train rows stay in the order drawn, since validation takes the last of them: a file sorted by
 * class would otherwise validate on one class.
 *
 * rows: up to MOST_ROWS. testSplit: above 0 and below 1, the share for testing, rounded to rows. classes: (rows), the
 * class of each; each class then gives its share to the test rows, and keeps at least one train row.
 */
export function splitRows(rows: number, testSplit: number, classes: Uint16Array | null): Split {
  const order = drawnOrder(rows);
  const wanted =
    classes === null
      ? Uint32Array.of(Math.min(Math.round(rows * testSplit), rows - 1))
      : shares(countsOf(classes), Math.round(rows * testSplit));
  const tests = wanted.reduce((sum, count) => sum + count, 0);
  const train = new Uint32Array(rows - tests);
  const test = new Uint32Array(tests);
  let [trained, tested] = [0, 0];
  for (const row of order) {
    const value = classes?.[row] ?? 0;
    if (wanted[value]! > 0) {
      wanted[value]! -= 1;
      test[tested] = row;
      tested += 1;
    } else {
      train[trained] = row;
      trained += 1;
    }
  }
  return { train, test: test.sort() };
}

/** 0 to rows - 1, sorted by the numbers drawn for them. */
function drawnOrder(rows: number): Uint32Array {
  // 32 bits drawn and 21 of the row are 53, which a float64 holds exactly; so no two keys are equal.
  const keys = Float64Array.from({ length: rows }, (_, row) => u32(SEED, SPLIT, row, 0) * TWO_TO_21 + row);
  return Uint32Array.from(keys.sort(), (key) => key % TWO_TO_21);
}

function countsOf(classes: Uint16Array): Uint32Array {
  const counts = new Uint32Array(1 + classes.reduce((most, value) => Math.max(most, value), 0));
  for (const value of classes) counts[value]! += 1;
  return counts;
}

/** Divides `total` in proportion to the counts; what is left of whole rows goes to the largest remainders. */
function shares(counts: Uint32Array, total: number): Uint32Array {
  const rows = counts.reduce((sum, count) => sum + count, 0);
  const exact = Float64Array.from(counts, (count) => (count * total) / rows);
  const given = Uint32Array.from(exact, Math.floor);
  let left = total - given.reduce((sum, count) => sum + count, 0);
  const byRemainder = [...counts.keys()].sort(
    (a, b) => exact[b]! - given[b]! - (exact[a]! - given[a]!) || a - b,
  );
  for (const value of byRemainder) {
    if (left === 0) break;
    given[value]! += 1;
    left -= 1;
  }
  return given.map((count, value) => Math.min(count, Math.max(counts[value]! - 1, 0)));
}
