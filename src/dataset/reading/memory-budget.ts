import { DatasetRefusedError } from './refusal.ts';

/** Counts the bytes that a file takes while it is read, so that it is refused before they are taken. */
export class MemoryBudget {
  readonly #bytes: number;
  #taken = 0;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes - this.#taken;
  }

  /** @throws {DatasetRefusedError} */
  take(bytes: number): void {
    if (bytes > this.left) {
      throw new DatasetRefusedError(
        `The file takes more than ${this.#bytes} bytes unpacked, which is all that a dataset may take. Upload fewer rows or columns.`,
      );
    }
    this.#taken += bytes;
  }
}
