import { monotonicMs } from '../../process/clock.ts';
import { ProblemError } from '../http/problems.ts';

const MOST_A_MINUTE = 20;
const WINDOW_MS = 60_000;
const MOST_ADDRESSES = 10_000;

/**
 * Counts the bad keys that came from each address. Only a bad key is ever refused for it: behind a proxy, all clients
 * share an address.
 */
export class BadKeys {
  readonly #windows = new Map<string, { untilMs: number; count: number }>();

  /** @throws {ProblemError} too_many_bad_keys, after 20 in a minute. */
  count(address: string): void {
    const nowMs = monotonicMs();
    let window = this.#windows.get(address);
    if (window === undefined || window.untilMs <= nowMs) {
      if (this.#windows.size >= MOST_ADDRESSES) this.#windows.clear();
      window = { untilMs: nowMs + WINDOW_MS, count: 0 };
      this.#windows.set(address, window);
    }
    window.count += 1;
    if (window.count <= MOST_A_MINUTE) return;
    throw new ProblemError(
      'too_many_bad_keys',
      `More than ${MOST_A_MINUTE} bad keys a minute came from your address. Requests with a valid key are served.`,
      { headers: { 'retry-after': String(Math.ceil((window.untilMs - nowMs) / 1000)) } },
    );
  }
}
