/** What a bucket answers to one request. */
export interface Taken {
  allowed: boolean;
  /** Whole requests that are left now. */
  remaining: number;
  /** Seconds until the bucket is full again, rounded up. */
  fullInSeconds: number;
  /** Seconds until the next request is allowed, rounded up; 0 if it is now. */
  nextInSeconds: number;
}

const MINUTE_MS = 60_000;

/** Buckets beyond this number: the full ones, which say nothing, are forgotten. */
const MOST_BUCKETS = 10_000;

/**
 * A token bucket per name: it holds the requests of a minute and fills steadily. A window that starts anew each minute
 * would let twice as many pass around its border.
 */
export class TokenBuckets {
  readonly #perMinute: number;
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();

  constructor(perMinute: number) {
    this.#perMinute = perMinute;
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Takes a token if there is one. @param nowMs monotonic */
  take(name: string, nowMs: number): Taken {
    const tokens = this.#tokens(name, nowMs);
    const allowed = tokens >= 1;
    const left = allowed ? tokens - 1 : tokens;
    if (this.#buckets.size >= MOST_BUCKETS && !this.#buckets.has(name)) this.#forgetFull(nowMs);
    this.#buckets.set(name, { tokens: left, atMs: nowMs });
    return { allowed, ...this.#describe(left) };
  }

  /** What `take` would leave as it is. */
  look(name: string, nowMs: number): Taken {
    const tokens = this.#tokens(name, nowMs);
    return { allowed: tokens >= 1, ...this.#describe(tokens) };
  }

  #tokens(name: string, nowMs: number): number {
    const bucket = this.#buckets.get(name);
    if (bucket === undefined) return this.#perMinute;
    return Math.min(this.#perMinute, bucket.tokens + ((nowMs - bucket.atMs) * this.#perMinute) / MINUTE_MS);
  }

  #describe(tokens: number): Omit<Taken, 'allowed'> {
    return {
      remaining: Math.floor(tokens),
      fullInSeconds: this.#secondsFor(this.#perMinute - tokens),
      nextInSeconds: this.#secondsFor(Math.max(0, 1 - tokens)),
    };
  }

  #secondsFor(tokens: number): number {
    return Math.ceil((tokens * MINUTE_MS) / this.#perMinute / 1000);
  }

  #forgetFull(nowMs: number): void {
    for (const name of this.#buckets.keys()) {
      if (this.#tokens(name, nowMs) >= this.#perMinute) this.#buckets.delete(name);
    }
  }
}
