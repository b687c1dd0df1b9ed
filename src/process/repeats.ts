import { monotonicMs } from './clock.ts';

/** After each of its lines, a key is silent for this long. */
const QUIET_MS = 60_000;
/** Keys beyond this number share one, which limits the lines that a process logs in a minute. */
const MAX_KEYS = 100;
const REST = 'rest';

export interface Clock {
  nowMs(): number;
  /** Calls `call` after `ms` without keeping the process alive. */
  after(ms: number, call: () => void): void;
}

const realClock: Clock = {
  nowMs: monotonicMs,
  after: (ms, call) => void setTimeout(call, ms).unref(),
};

interface Entry {
  quietUntilMs: number;
  count: number;
  /** Writes the last repeated line with the number of repeats. */
  writeRepeats: (count: number) => void;
}

/** Lets the first of several equal lines through, counts the others, and writes the count once a minute. */
export class Repeats {
  readonly #clock: Clock;
  /** In the order in which their silence ends. */
  readonly #entries = new Map<string, Entry>();
  #isWaiting = false;

  constructor(clock: Clock = realClock) {
    this.#clock = clock;
  }

  /**
   * Whether to write a line with this key now.
   * @param writeRepeats called later for the last suppressed line, with the number of suppressed lines
   */
  isFirst(key: string, writeRepeats: (count: number) => void): boolean {
    const kept = this.#entries.has(key) || this.#entries.size < MAX_KEYS ? key : REST;
    const entry = this.#entries.get(kept);
    if (entry === undefined) {
      this.#entries.set(kept, { quietUntilMs: this.#clock.nowMs() + QUIET_MS, count: 0, writeRepeats });
      this.#wait();
      return true;
    }
    entry.count += 1;
    entry.writeRepeats = writeRepeats;
    return false;
  }

  /** Writes the counts so far, for the end of the process. */
  flush(): void {
    for (const entry of this.#entries.values()) this.#write(entry);
    this.#entries.clear();
  }

  #wait(): void {
    const [next] = this.#entries.values();
    if (this.#isWaiting || next === undefined) return;
    this.#isWaiting = true;
    this.#clock.after(Math.max(0, next.quietUntilMs - this.#clock.nowMs()), () => {
      this.#isWaiting = false;
      this.#endSilences();
      this.#wait();
    });
  }

  #endSilences(): void {
    const nowMs = this.#clock.nowMs();
    for (const [key, entry] of [...this.#entries]) {
      if (entry.quietUntilMs > nowMs) break;
      this.#entries.delete(key);
      if (entry.count === 0) continue;
      this.#write(entry);
      this.#entries.set(key, { ...entry, count: 0, quietUntilMs: nowMs + QUIET_MS });
    }
  }

  #write({ count, writeRepeats }: Entry): void {
    if (count > 0) writeRepeats(count);
  }
}
