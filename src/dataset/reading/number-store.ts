import type { MemoryBudget } from './memory-budget.ts';

/**
 * The numbers of a column in row order. Each block is kept as whole numbers of as few bytes as hold it, divided by a
 * power of ten: as tables are written, 2.75 takes two bytes. NaN stands for a missing value.
 */
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
    const { Type, divisor } = smallest(values);
    this.#budget.take(values.length * Type.BYTES_PER_ELEMENT + BLOCK_OVERHEAD);
    this.#blocks.push(packed(values, Type, divisor));
    this.#rows += values.length;
  }

  /** Blocks in row order, with the row of their first number. -0 has become 0. */
  *blocks(): Generator<{ readonly values: Float64Array; readonly start: number }> {
    let start = 0;
    for (const block of this.#blocks) {
      yield { values: unpacked(block), start };
      start += block.numbers.length;
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

interface Block {
  readonly numbers: Uint8Array | Int16Array | Int32Array | Float32Array | Float64Array;
  readonly divisor: number;
}

/** What a block takes besides its numbers, about. */
const BLOCK_OVERHEAD = 250;

/** Powers of ten that are tried. */
const DIVISORS = Float64Array.from({ length: 8 }, (_, k) => Number(`1e${k}`));

type NumbersType =
  | typeof Uint8Array
  | typeof Int16Array
  | typeof Int32Array
  | typeof Float32Array
  | typeof Float64Array;

function smallest(values: Float64Array): { readonly Type: NumbersType; readonly divisor: number } {
  let [k, largest, negative, single] = [0, 0, false, true];
  for (let n = 0; n < values.length; n += 1) {
    const value = values[n]!;
    if (Number.isNaN(value)) {
      negative = true;
      continue;
    }
    if (value < 0) negative = true;
    if (Math.abs(value) > largest) largest = Math.abs(value);
    while (k < DIVISORS.length && Math.round(value * DIVISORS[k]!) / DIVISORS[k]! !== value) k += 1;
    if (single && Math.fround(value) !== value) single = false;
  }
  const divisor = DIVISORS[k];
  if (divisor !== undefined) {
    const most = Math.round(largest * divisor);
    if (most <= 255 && !negative) return { Type: Uint8Array, divisor };
    if (most < 2 ** 15) return { Type: Int16Array, divisor };
    if (most < 2 ** 31) return { Type: Int32Array, divisor };
  }
  return { Type: single ? Float32Array : Float64Array, divisor: 1 };
}

function packed(values: Float64Array, Type: NumbersType, divisor: number): Block {
  const missing = missingIn(Type);
  const numbers = new Type(values.length);
  for (let n = 0; n < values.length; n += 1) {
    const value = values[n]! + 0;
    if (missing === undefined) numbers[n] = value;
    else numbers[n] = Number.isNaN(value) ? missing : Math.round(value * divisor);
  }
  return { numbers, divisor };
}

function unpacked({ numbers, divisor }: Block): Float64Array {
  const missing = missingIn(numbers.constructor as NumbersType);
  const values = new Float64Array(numbers.length);
  if (missing === undefined) values.set(numbers);
  else {
    for (let n = 0; n < numbers.length; n += 1) {
      const number = numbers[n]!;
      values[n] = number === missing ? Number.NaN : number / divisor;
    }
  }
  return values;
}

/** The whole number that stands for a missing value; undefined for types that hold values as they are. */
function missingIn(Type: NumbersType): number | undefined {
  if (Type === Float32Array || Type === Float64Array) return undefined;
  // A byte is never missing.
  return Type === Uint8Array ? Number.NaN : Type === Int16Array ? -(2 ** 15) : -(2 ** 31);
}
