import type { JobSpec } from '../contract/job-spec.ts';
import { countTrainRows } from '../dataset/row-counts.ts';
import type { Targets } from '../engine/engine.ts';
import { u32 } from '../engine/random.ts';

/** Chooses the train rows that are held out for validation. How many they are, row-counts.ts counts. */

/** Stream of the numbers that rows are drawn by. */
const VALIDATION_ROWS = 0x56_41_4c_44;

const TWO_TO_21 = 2_097_152;

type Choice = Pick<JobSpec['training'], 'validation' | 'validation_split' | 'seed'>;

/**
 * Whether each row is held out, (R). targets: (R), classes where the rows are to be stratified.
 *
 * random: the rows with the smallest numbers of u32(seed, stream, 0, row), so that no other row moves one. stratified: the
 * same within each class, in proportion to its rows; what the fractions leave goes to the largest ones, and among equals to
 * the lower class.
 */
export function validationRows({ validation, validation_split, seed }: Choice, targets: Targets): Uint8Array {
  const rows = targets.length;
  const held = new Uint8Array(rows);
  const kept = countTrainRows(rows, validation_split);
  if (validation === 'last') return held.fill(1, kept);
  const isStratified = validation === 'stratified';
  const left = isStratified ? sharesOfClasses(targets, rows - kept) : [rows - kept];
  for (const row of drawnOrder(seed, rows)) {
    const group = isStratified ? targets[row]! : 0;
    if (left[group] === 0) continue;
    left[group]! -= 1;
    held[row] = 1;
  }
  return held;
}

/** All rows, those with the smallest numbers first; the lower one among equals. */
function drawnOrder(seed: number, rows: number): Float64Array {
  // Number and row in one float64, which holds 53 bits.
  const keys = Float64Array.from(
    { length: rows },
    (_, row) => u32(seed, VALIDATION_ROWS, 0, row) * TWO_TO_21 + row,
  );
  return keys.sort().map((key) => key % TWO_TO_21);
}

/** How many of `count` rows each class gives. */
function sharesOfClasses(targets: Targets, count: number): number[] {
  const sizes: number[] = [];
  for (const target of targets) sizes[target] = (sizes[target] ?? 0) + 1;
  const shares = Array.from(sizes, (size = 0, c) => {
    const exact = size * count;
    return { c, whole: Math.floor(exact / targets.length), rest: exact % targets.length };
  });
  let spare = count - shares.reduce((sum, { whole }) => sum + whole, 0);
  for (const share of [...shares].sort((a, b) => b.rest - a.rest || a.c - b.c)) {
    if (spare === 0) break;
    share.whole += 1;
    spare -= 1;
  }
  return shares.map(({ whole }) => whole);
}
