import { BLOCK_ROWS, type LabelledImages } from '../dataset/prepared.ts';

/** Consecutive rows of a part of a dataset, in memory. */
export interface Piece {
  readonly rows: number;
  /** (rows, pixels), valid until the next piece is read. */
  readonly images: Uint8Array;
  /** (rows) */
  readonly labels: Uint8Array;
}

/** Reads the rows of a part of a dataset in order, with one block of them in memory at a time. */
export class ImageReader {
  readonly #part: LabelledImages;
  readonly #pixels: number;
  readonly #block: Uint8Array;
  #first = 0;
  #end = 0;

  constructor(part: LabelledImages, pixels: number) {
    this.#part = part;
    this.#pixels = pixels;
    this.#block = new Uint8Array(BLOCK_ROWS * pixels);
  }

  /** The rows that start at `from`: at least one, at most `rows`, and none beyond the end of the block. */
  read(from: number, rows: number): Piece {
    if (from < this.#first || from >= this.#end) {
      this.#first = from - (from % BLOCK_ROWS);
      this.#end = Math.min(this.#first + BLOCK_ROWS, this.#part.rows);
      this.#part.readImages(this.#rows(this.#first, this.#end), this.#first);
    }
    const to = Math.min(from + rows, this.#end);
    return { rows: to - from, images: this.#rows(from, to), labels: this.#part.labels.subarray(from, to) };
  }

  #rows(from: number, to: number): Uint8Array {
    return this.#block.subarray((from - this.#first) * this.#pixels, (to - this.#first) * this.#pixels);
  }
}
