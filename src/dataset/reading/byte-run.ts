/** Chunks of any size, read as one run of bytes. */
export class ByteRun {
  readonly #chunks: AsyncIterator<Buffer>;
  #left: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next n bytes, fewer at the end. Joins chunks, so n is for headers, and checked by the caller. */
  async take(n: number): Promise<Buffer> {
    const parts = [this.#left];
    let length = this.#left.length;
    while (length < n) {
      const chunk = await this.#next();
      if (chunk === undefined) break;
      parts.push(chunk);
      length += chunk.length;
    }
    const joined = parts.length === 1 ? this.#left : Buffer.concat(parts);
    this.#left = joined.subarray(n);
    return joined.subarray(0, n);
  }

  /** The rest, in blocks that are multiples of `unit` bytes. Bytes that make no whole unit come last, by themselves. */
  async *blocks(unit: number): AsyncGenerator<Buffer> {
    for (;;) {
      const whole = this.#left.length - (this.#left.length % unit);
      if (whole > 0) {
        const block = this.#left.subarray(0, whole);
        this.#left = this.#left.subarray(whole);
        yield block;
      }
      const chunk = await this.#next();
      if (chunk === undefined) break;
      this.#left = this.#left.length === 0 ? chunk : Buffer.concat([this.#left, chunk]);
    }
    if (this.#left.length > 0) yield this.#left;
    this.#left = Buffer.alloc(0);
  }

  /** Stops reading: what the chunks come from is closed. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #next(): Promise<Buffer | undefined> {
    const next = await this.#chunks.next();
    return next.done ? undefined : next.value;
  }
}
