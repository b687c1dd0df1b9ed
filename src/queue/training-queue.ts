import { Queue } from 'bullmq';
import type { Log } from '../process/log.ts';
import type { Redis } from '../redis/connections.ts';
import { parseDeliveryId } from '../store/delivery.ts';
import type { Keys } from '../store/keys.ts';
import { allAnswered, answered } from '../store/transition-runner.ts';

export const QUEUE_NAME = 'training';

/** BullMQ's keys share the installation's slot. */
export const bullPrefix = (keys: Keys): string => `${keys.root}bull`;

/** A queue call is abandoned after this time. It may still happen; adding a delivery twice is harmless. */
const CALL_TIMEOUT_MS = 2_000;

/**
 * Whether BullMQ has each of these deliveries, waiting or active.
 * @throws {StoreUnavailableError}
 */
export async function queueHas(redis: Redis, keys: Keys, deliveryIds: string[]): Promise<boolean[]> {
  const pipeline = redis.pipeline();
  for (const deliveryId of deliveryIds) pipeline.exists(`${bullPrefix(keys)}:${QUEUE_NAME}:${deliveryId}`);
  return (await allAnswered(() => pipeline.exec())).map((found) => found === 1);
}

/**
 * Hands deliveries to BullMQ. If a hand-over fails, the delivery stays in the outbox for the reconciler, so enqueuing
 * never throws for it, and it never takes longer than 2 s.
 */
export class TrainingQueue {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #log: Log;
  readonly #queue: Queue;

  constructor(redis: Redis, keys: Keys, log: Log) {
    this.#redis = redis;
    this.#keys = keys;
    this.#log = log;
    this.#queue = new Queue(QUEUE_NAME, {
      connection: redis,
      prefix: bullPrefix(keys),
      // redis/checks.ts checks the version. If BullMQ's own check failed once, every later add would fail.
      skipVersionCheck: true,
    });
    // The connection's owner handles its errors.
    this.#queue.on('error', () => {});
  }

  /**
   * Adds a delivery to BullMQ and takes it out of the outbox. A job that was running before goes to the front.
   * @returns whether BullMQ has it now, to our knowledge.
   */
  async enqueue(deliveryId: string): Promise<boolean> {
    const delivery = parseDeliveryId(deliveryId);
    if (delivery === undefined) throw new Error(`${JSON.stringify(deliveryId)} is not the id of a delivery`);
    try {
      await this.#withinTime(async () => {
        await this.#queue.add(
          'train',
          {},
          {
            jobId: deliveryId,
            lifo: delivery.delivery > 1,
            removeOnComplete: true,
            removeOnFail: true,
            attempts: 1,
          },
        );
        await answered(() => this.#redis.zrem(this.#keys.outbox, deliveryId));
      });
      return true;
    } catch (error) {
      this.#log.warn(
        { err: error, deliveryId },
        'a job could not be enqueued; it stays in the outbox, to be tried again',
      );
      return false;
    }
  }

  /**
   * Whether BullMQ has each of these deliveries, waiting or active.
   * @throws {StoreUnavailableError}
   */
  async has(deliveryIds: string[]): Promise<boolean[]> {
    return await queueHas(this.#redis, this.#keys, deliveryIds);
  }

  async close(): Promise<void> {
    await this.#queue.close();
  }

  /** While Redis is away, BullMQ waits forever, whatever the connection's options are. */
  async #withinTime(run: () => Promise<void>): Promise<void> {
    if (this.#redis.status !== 'ready') throw new Error('there is no connection to Redis');
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('Redis took too long')), CALL_TIMEOUT_MS);
    });
    try {
      await Promise.race([run(), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
