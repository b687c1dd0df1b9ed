/**
 * Whether the storage works. One look at a time: on a network drive that hangs, looks would pile up and take every
 * thread that Node has for files.
 */
export class StorageCheck {
  readonly #look: () => Promise<void>;
  readonly #timeoutMs: number;
  #looking: Promise<string | undefined> | undefined;

  /** @param look throws what is wrong. */
  constructor(look: () => Promise<void>, timeoutMs: number) {
    this.#look = look;
    this.#timeoutMs = timeoutMs;
  }

  /** Looks now. @returns what is wrong, in a sentence; undefined when the storage works. */
  async problem(): Promise<string | undefined> {
    this.#looking ??= this.#look()
      .then(
        () => undefined,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      )
      .finally(() => {
        this.#looking = undefined;
      });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<string>((resolve) => {
      const sentence = `The file system did not answer within ${this.#timeoutMs / 1000} s.`;
      timer = setTimeout(() => resolve(sentence), this.#timeoutMs);
    });
    try {
      return await Promise.race([this.#looking, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
