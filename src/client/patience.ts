import type { DescentError, ErrorCode } from './errors.ts';

/** Failures that may be gone in a moment. */
const PASSING: readonly ErrorCode[] = [
  'unreachable',
  'request_timeout',
  'rate_limited',
  'quota_exceeded',
  'queue_full',
  'overloaded',
  'store_unavailable',
  'store_read_only',
  'storage_full',
];

const FIRST_MS = 250;
const LONGEST_MS = 2_000;

/** How long to go on after failures. Each wait is longer than the last, up to 2 s, or what the server asks for. */
export class Patience {
  #leftMs: number;
  #nextMs = FIRST_MS;

  /** @param totalMs of all waits together */
  constructor(totalMs: number) {
    this.#leftMs = totalMs;
  }

  /** Waits before the next attempt. @throws the failure itself, at once, if it will not pass or the wait is too long. */
  async wait(failure: unknown, signal: AbortSignal | undefined): Promise<void> {
    const { code, retryAfterSeconds } = failure as DescentError;
    const askedMs = retryAfterSeconds === undefined ? this.#nextMs : retryAfterSeconds * 1000;
    if (!PASSING.includes(code) || askedMs > this.#leftMs) throw failure;
    this.#leftMs -= askedMs;
    this.#nextMs = Math.min(2 * this.#nextMs, LONGEST_MS);
    // Up to a fifth more, so that clients that failed together do not come back together.
    await pause(askedMs * (1 + 0.2 * Math.random()), signal);
  }
}

/** @throws the signal's reason */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener('abort', stop, { once: true });
  });
}
