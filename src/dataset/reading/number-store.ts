import type { MemoryBudget } from './memory-budget.ts';

/**
 * The numbers of a column in row order, each block in the smallest type that holds its numbers exactly: a table then
 * takes about as much memory as its text, or less. NaN stands for a missing value.
 */

type Block = Uint8Array | Int16Array | Int32Array | Float32Array | Float64Array;

/** What a typed array takes besides its numbers, about. */
const BLOCK_OVERHEAD = 200;

export class NumberStore {
  readonly #blocks: Block[] = [];
  readonly #budget: MemoryBudget;
  #rows = 0;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  get rows(): number {
    return this.#rows;
  }

  /** Copies the numbers. @throws {DatasetRefusedError} when the budget is used up */
  append(values: Float64Array): void {
    if (values.length === 0) return;
    const Type = smallestType(values);
    this.#budget.take(values.length * Type.BYTES_PER_ELEMENT + BLOCK_OVERHEAD);
    this.#blocks.push(new Type(values));
    this.#rows += values.length;
  }

  /** Blocks in row order, with the row of their first number. */
  *blocks(): Generator<{ readonly values: Block; readonly start: number }> {
    let start = 0;
    for (const values of this.#blocks) {
      yield { values, start };
      start += values.length;
    }
  }

  /** The number of one row: slow. */
  at(row: number): number {
    for (const { values, start } of this.blocks()) {
      if (row < start + values.length) return values[row - start]!;
    }
    return Number.NaN;
  }
}

function smallestType(values: Float64Array) {
  let [min, max, whole, single] = [Infinity, -Infinity, true, true];
  for (let k = 0; k < values.length; k += 1) {
    // -0 becomes 0, whichever type its block gets.
    const value = values[k]! + 0;
    values[k] = value;
    if (value < min) min = value;
    if (value > max) max = value;
    if (whole && !Number.isInteger(value)) whole = false;
    if (single && Math.fround(value) !== value && !Number.isNaN(value)) single = false;
  }
  if (whole && min >= 0 && max <= 255) return Uint8Array;
  if (whole && min >= -(2 ** 15) && max < 2 ** 15) return Int16Array;
  if (single) return Float32Array;
  return whole && min >= -(2 ** 31) && max < 2 ** 31 ? Int32Array : Float64Array;
}
