import type { Log } from '../process/log.ts';
import type { Redis } from '../redis/connections.ts';
import { deliveryIdOf } from '../store/delivery.ts';
import type { FairShare } from '../store/fair-share.ts';
import { heldMember, type Keys } from '../store/keys.ts';
import { redisTimeMs } from '../store/redis-clock.ts';
import { answered } from '../store/transition-runner.ts';
import type { WorkerReports } from '../store/worker-reports.ts';
import type { TrainingQueue } from './training-queue.ts';

const INTERVAL_MS = 2_000;
/** By this age, the process that made the entry has failed to enqueue it. */
const OUTBOX_AGE_MS = 2_000;
const OUTBOX_PAGE = 100;
/** All live records are compared with the queue once in this many rounds. */
const ROUNDS_PER_COMPARISON = 30;

/**
 * Brings the queue in line with the records, which are the truth: it enqueues deliveries left in the outbox, releases
 * those that are held for no reason any more, and once a minute checks that every live record has its delivery in
 * BullMQ or is held. Only one process at a time does this.
 */
export class Reconciler {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #queue: Pick<TrainingQueue, 'enqueue' | 'has'>;
  readonly #log: Log;
  readonly #holder: string;
  readonly #share: FairShare;
  readonly #reports: Pick<WorkerReports, 'list'>;
  #round = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  /** @param holder id of this process, unique in the installation. */
  constructor(
    redis: Redis,
    keys: Keys,
    queue: Pick<TrainingQueue, 'enqueue' | 'has'>,
    share: FairShare,
    reports: Pick<WorkerReports, 'list'>,
    log: Log,
    holder: string,
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#queue = queue;
    this.#log = log;
    this.#holder = holder;
    this.#share = share;
    this.#reports = reports;
  }

  /** Starts the rounds. The first runs at once and compares everything. `also` runs after each comparison. */
  start(also: () => Promise<void>): void {
    const next = async () => {
      try {
        if (await this.#isOurTurn()) {
          await this.drainOutbox();
          await this.share();
          if (this.#round++ % ROUNDS_PER_COMPARISON === 0) {
            await this.compare();
            await also();
          }
        }
      } catch (error) {
        this.#log.warn({ err: error }, 'the queue could not be reconciled; trying again');
      }
      if (!this.#stopped) this.#timer = setTimeout(() => void next(), INTERVAL_MS);
    };
    void next();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Enqueues deliveries that have been in the outbox for longer than an enqueue takes. */
  async drainOutbox(): Promise<void> {
    const oldEnough = (await redisTimeMs(this.#redis)) - OUTBOX_AGE_MS;
    for (;;) {
      const deliveryIds = await answered(() =>
        this.#redis.zrangebyscore(this.#keys.outbox, '-inf', oldEnough, 'LIMIT', 0, OUTBOX_PAGE),
      );
      for (const deliveryId of deliveryIds) if (!(await this.#queue.enqueue(deliveryId))) return;
      if (deliveryIds.length < OUTBOX_PAGE) return;
    }
  }

  /** Tells the transitions how many slots there are, and enqueues what the owners' running quotas allow by now. */
  async share(): Promise<void> {
    const reports = await this.#reports.list();
    const atWork = reports.filter(({ problem }) => problem === null);
    // Without a worker the last number stays: deliveries then wait for the next one.
    if (atWork.length > 0) {
      await this.#share.setSlots(atWork.reduce((sum, { concurrency }) => sum + concurrency, 0));
    }
    for (const deliveryId of await this.#share.release()) await this.#queue.enqueue(deliveryId);
  }

  /** Enqueues the deliveries of live records that BullMQ lacks because of a lost write, or a bug of ours. */
  async compare(): Promise<void> {
    for await (const { id, deliveryId } of this.missing()) {
      this.#log.error({ job: id, deliveryId }, 'a live job was not in the queue; enqueuing it again');
      await this.#queue.enqueue(deliveryId);
    }
  }

  /** The live jobs whose delivery is neither in the outbox nor in BullMQ. */
  async *missing(): AsyncGenerator<{ id: string; deliveryId: string }> {
    for (const id of await answered(() => this.#redis.smembers(this.#keys.live))) {
      const deliveryId = await this.#delivery(id);
      if (
        deliveryId === undefined ||
        (await this.#inOutbox(deliveryId)) ||
        (await this.#queue.has(deliveryId))
      )
        continue;
      // The job may have moved on since its record was read.
      if ((await this.#delivery(id)) === deliveryId) yield { id, deliveryId };
    }
  }

  /** The delivery that a live job waits for or runs under; undefined if it is held. */
  async #delivery(id: string): Promise<string | undefined> {
    const [status, delivery, owner, place] = await answered(() =>
      this.#redis.hmget(this.#keys.job(id), 'status', 'delivery', 'owner', 'place'),
    );
    if (status !== 'queued' && status !== 'running' && status !== 'cancelling') return undefined;
    const deliveryId = deliveryIdOf({ id, delivery: Number(delivery) });
    const member = heldMember(owner ?? '', place ?? '', deliveryId);
    const isHeld = (await answered(() => this.#redis.zscore(this.#keys.held, member))) !== null;
    return isHeld ? undefined : deliveryId;
  }

  async #inOutbox(deliveryId: string): Promise<boolean> {
    return (await answered(() => this.#redis.zscore(this.#keys.outbox, deliveryId))) !== null;
  }

  /** Takes or keeps the turn; a process that stops loses it within two rounds. */
  async #isOurTurn(): Promise<boolean> {
    const key = this.#keys.reconciler;
    const taken = await answered(() => this.#redis.set(key, this.#holder, 'PX', 2 * INTERVAL_MS, 'NX'));
    if (taken === 'OK') return true;
    if ((await answered(() => this.#redis.get(key))) !== this.#holder) return false;
    await answered(() => this.#redis.pexpire(key, 2 * INTERVAL_MS));
    return true;
  }
}
