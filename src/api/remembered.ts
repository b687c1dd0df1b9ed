import { monotonicMs } from '../process/clock.ts';

/** An answer that serves many requests: it is asked for again only when it is older than `forMs`. */
export class Remembered<Answer> {
  readonly #ask: () => Promise<Answer>;
  readonly #forMs: number;
  #answer: Promise<Answer> | undefined;
  #askedMs = Number.NEGATIVE_INFINITY;

  constructor(ask: () => Promise<Answer>, forMs: number) {
    this.#ask = ask;
    this.#forMs = forMs;
  }

  /** @throws what asking throws; the next call then asks again. */
  async get(): Promise<Answer> {
    if (this.#answer === undefined || monotonicMs() - this.#askedMs > this.#forMs) {
      this.#askedMs = monotonicMs();
      const answer = this.#ask();
      this.#answer = answer;
      answer.catch(() => {
        if (this.#answer === answer) this.#answer = undefined;
      });
    }
    return await this.#answer;
  }
}
