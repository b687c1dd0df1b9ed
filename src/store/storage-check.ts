/**
 * Checks whether the storage works, one check at a time: on a hanging network drive, checks would pile up and block
 * all of Node's file system threads.
 */
export class StorageCheck {
  readonly #look: () => Promise<void>;
  readonly #timeoutMs: number;
  #looking: Promise<string | undefined> | undefined;

  /** @param look throws an error when the storage does not work. */
  constructor(look: () => Promise<void>, timeoutMs: number) {
    this.#look = look;
    this.#timeoutMs = timeoutMs;
  }

  /** Checks now. @returns the problem as a sentence; undefined when the storage works. */
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
