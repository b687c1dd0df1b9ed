import { BLOCK_ROWS, type DataRows } from '../dataset/prepared.ts';
import { newValues, type Targets, type Values } from '../engine/engine.ts';

/** Consecutive rows of a part of a dataset, in memory. */
export interface Piece {
  readonly rows: number;
  /** (rows, inputs), valid until the next piece is read. */
  readonly values: Values;
  /** (rows) */
  readonly targets: Targets;
}

/** Reads the rows of a part of a dataset in order, with one block of them in memory at a time. */
export class RowReader {
  readonly #part: DataRows;
  readonly #inputs: number;
  readonly #block: Values;
  #first = 0;
  #end = 0;

  constructor(part: DataRows, inputs: number) {
    this.#part = part;
    this.#inputs = inputs;
    this.#block = newValues(part.storage, BLOCK_ROWS * inputs);
  }

  /** The rows that start at `from`: at least one, at most `rows`, and none beyond the end of the block. */
  read(from: number, rows: number): Piece {
    if (from < this.#first || from >= this.#end) {
      this.#first = from - (from % BLOCK_ROWS);
      this.#end = Math.min(this.#first + BLOCK_ROWS, this.#part.rows);
      this.#part.readValues(this.#rows(this.#first, this.#end), this.#first);
    }
    const to = Math.min(from + rows, this.#end);
    return { rows: to - from, values: this.#rows(from, to), targets: this.#part.targets.subarray(from, to) };
  }

  #rows(from: number, to: number): Values {
    return this.#block.subarray((from - this.#first) * this.#inputs, (to - this.#first) * this.#inputs);
  }
}
