import { setTimeout as sleep } from 'node:timers/promises';
import { type Job, type RedisQueueBackend, Worker } from 'bullmq';
import { monotonicMs } from '../src/process/clock.ts';
import { extendLock } from '../src/queue/delivery-lock.ts';
import { bullPrefix, QUEUE_NAME } from '../src/queue/training-queue.ts';
import type { Redis } from '../src/redis/connections.ts';
import { parseDeliveryId } from '../src/store/delivery.ts';
import type { Keys } from '../src/store/keys.ts';
import type { HandedOver } from './worker-parts.ts';

/** Pause after a refusal: it arrives within a millisecond, and asking again at once would only be refused again. */
const PAUSE_MS = 1_000;

export interface ConsumerOptions {
  redis: Redis;
  keys: Keys;
  concurrency: number;
  leaseMs: number;
  /**
   * Processes a delivery until nothing is left to do for it; never throws. `later` leaves it to another worker, to which
   * BullMQ hands it after its lock has lapsed.
   */
  onDelivery: (delivery: HandedOver) => Promise<'done' | 'later'>;
  /** Called once for each distinct error until a fetch succeeds. */
  onTrouble: (error: Error) => void;
}

/**
 * Takes deliveries from BullMQ, one after another while there is room. The loop is ours because BullMQ's own retries at
 * once when Redis refuses a fetch (a right is missing, memory is full, the server is a replica): it uses a whole core,
 * grows without bound and starves every timer of the process. This loop waits.
 */
export class Consumer {
  readonly #options: ConsumerOptions;
  readonly #worker: Worker<unknown, unknown, string, RedisQueueBackend>;
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #loop: Promise<void> | undefined;
  #fetches = 0;
  #lastFetchMs = monotonicMs();
  /** Resolves at the next `resume`; undefined while not paused. */
  #pause: Promise<void> | undefined;
  #endPause: () => void = () => {};
  /** Whether an error occurred since the last fetch began. */
  #inTrouble = false;
  /** Errors reported since the last good fetch: several refusals may alternate. */
  readonly #told = new Set<string>();

  constructor(options: ConsumerOptions) {
    this.#options = options;
    const { redis, keys, concurrency, leaseMs } = options;
    // Without a processor, it fetches only on request.
    this.#worker = new Worker(QUEUE_NAME, null, {
      connection: redis,
      prefix: bullPrefix(keys),
      concurrency,
      autorun: false,
      // lease.ts renews the lock, and the record counts the faults (start.lua).
      skipLockRenewal: true,
      lockDuration: leaseMs,
      // Whole milliseconds: a fraction would make the check for stalled deliveries, and so all recovery, fail.
      stalledInterval: Math.floor(leaseMs / 3),
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      drainDelay: 5,
      // redis/checks.ts checks the version. If BullMQ's own check failed once, every later fetch would fail.
      skipVersionCheck: true,
    });
    // BullMQ reports errors of its blocking fetch and its check for stalled deliveries here; both pause by themselves.
    this.#worker.on('error', (error) => this.#note(error));
  }

  /** When BullMQ last handed over a delivery. */
  get lastFetchMs(): number {
    return this.#lastFetchMs;
  }

  /** Starts taking deliveries; if paused, at the next `resume`. */
  start(): void {
    void this.#worker.startStalledCheckTimer();
    this.#loop = this.#takeAll();
  }

  /** Takes no more deliveries, except one that may be on its way. Those in hand go on. */
  pause(): void {
    this.#pause ??= new Promise((resolve) => {
      this.#endPause = resolve;
    });
  }

  resume(): void {
    this.#pause = undefined;
    this.#endPause();
  }

  /** Takes no more deliveries; resolves when those in hand are done. */
  async close(): Promise<void> {
    this.#stop.abort();
    this.resume();
    await this.#worker
      .getBackend()
      .disconnectBlocking(false)
      .catch(() => {});
    await this.#loop;
    await Promise.all(this.#running);
    await this.#worker.close();
  }

  async #takeAll(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      if (this.#pause !== undefined) await this.#pause;
      else if (this.#running.size >= this.#options.concurrency) await Promise.race(this.#running);
      else await this.#takeOne();
    }
  }

  async #takeOne(): Promise<void> {
    this.#inTrouble = false;
    const token = `${this.#worker.id}:${this.#fetches++}`;
    const job = await this.#worker.getNextJob(token, { block: true }).catch((error: Error) => {
      this.#note(error);
    });
    if (job !== undefined) {
      this.#lastFetchMs = monotonicMs();
      const running = this.#handle(job, token).finally(() => this.#running.delete(running));
      this.#running.add(running);
    } else if (this.#inTrouble) {
      await sleep(PAUSE_MS, undefined, { signal: this.#stop.signal }).catch(() => {});
    } else {
      this.#told.clear();
    }
  }

  /** If a delivery cannot be completed now, BullMQ hands it over again after its lock lapses; it is dropped then. */
  async #handle(job: Job, token: string): Promise<void> {
    try {
      const delivery = parseDeliveryId(job.id ?? '');
      if (delivery !== undefined) {
        const { redis, keys, leaseMs, onDelivery } = this.#options;
        const lock = { deliveryId: job.id!, token, leaseMs };
        const run = { ...delivery, extendLock: () => extendLock(redis, keys, lock) };
        if ((await onDelivery(run)) === 'later') return;
      }
      await job.moveToCompleted(undefined, token, false);
    } catch (error) {
      this.#note(error as Error);
    }
  }

  #note(error: Error): void {
    this.#inTrouble = true;
    if (this.#stop.signal.aborted || this.#told.has(error.message)) return;
    this.#told.add(error.message);
    this.#options.onTrouble(error);
  }
}
