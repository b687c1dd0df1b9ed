const FIRST_WORD_MS = 2_000;
const NEXT_WORD_MS = 10_000;

/** Prints what the start is doing, but only if it takes long enough for a person to wonder. */
export class StartProgress {
  readonly #write: (line: string) => void;
  #doing = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  /** Sets the current activity, such as `Starting Redis`. */
  step(doing: string): void {
    this.#doing = doing;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#tell(), FIRST_WORD_MS);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #tell(): void {
    this.#write(`${this.#doing} ...`);
    this.#timer = setTimeout(() => this.#tell(), NEXT_WORD_MS);
  }
}
