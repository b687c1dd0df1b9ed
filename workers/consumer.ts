import { Worker } from 'bullmq';
import { monotonicMs } from '../src/process/clock.ts';
import type { Log } from '../src/process/log.ts';
import { bullPrefix, QUEUE_NAME } from '../src/queue/training-queue.ts';
import type { Redis } from '../src/redis/connections.ts';
import { parseDeliveryId } from '../src/store/delivery.ts';
import type { Keys } from '../src/store/keys.ts';
import type { HandedOver } from './worker-parts.ts';

export interface ConsumerOptions {
  redis: Redis;
  keys: Keys;
  log: Log;
  concurrency: number;
  leaseMs: number;
  /** Works on a delivery until nothing is left to do for it; never throws. */
  onDelivery: (delivery: HandedOver) => Promise<void>;
}

/** Takes deliveries from BullMQ, which is asked for nothing else. It takes none before it is started. */
export class Consumer {
  readonly #worker: Worker;
  readonly #log: Log;
  #lastFetchMs = monotonicMs();

  constructor({ redis, keys, log, concurrency, leaseMs, onDelivery }: ConsumerOptions) {
    this.#log = log;
    this.#worker = new Worker(
      QUEUE_NAME,
      async (job, lockToken) => {
        this.#lastFetchMs = monotonicMs();
        const delivery = parseDeliveryId(job.id ?? '');
        if (delivery === undefined) return;
        const extendLock = async () => (await job.extendLock(lockToken!, leaseMs)) === 1;
        await onDelivery({ ...delivery, extendLock });
      },
      {
        connection: redis,
        prefix: bullPrefix(keys),
        concurrency,
        autorun: false,
        // The lease is ours to keep (lease.ts), and the record counts the faults (start.lua).
        skipLockRenewal: true,
        lockDuration: leaseMs,
        // Whole milliseconds: a fraction makes the check fail, and with it all recovery.
        stalledInterval: Math.floor(leaseMs / 3),
        maxStalledCount: Number.MAX_SAFE_INTEGER,
        drainDelay: 5,
      },
    );
    this.#worker.on('error', (error) => log.warn({ err: error }, 'an error from BullMQ'));
  }

  /** When BullMQ last handed something over. */
  get lastFetchMs(): number {
    return this.#lastFetchMs;
  }

  /** Does nothing while it is paused: then `resume` starts it. */
  start(): void {
    this.#worker.run().catch((error: unknown) => this.#log.error({ err: error }, 'BullMQ stopped'));
  }

  /** Takes no more deliveries but one that may be on its way. Those in hand go on. */
  async pause(): Promise<void> {
    await this.#worker.pause(true);
  }

  async resume(): Promise<void> {
    await this.#worker.resume();
  }

  /** Takes no more deliveries; resolves when those in hand are done. */
  async close(): Promise<void> {
    await this.#worker.close();
  }
}
