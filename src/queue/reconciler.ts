import { z } from 'zod';
import type { Log } from '../process/log.ts';
import type { Redis } from '../redis/connections.ts';
import { deliveryIdOf } from '../store/delivery.ts';
import type { FairShare } from '../store/fair-share.ts';
import { heldMember, type Keys } from '../store/keys.ts';
import { redisTimeMs } from '../store/redis-clock.ts';
import { allAnswered, answered, runScript, scriptOf } from '../store/transition-runner.ts';
import type { WorkerReports } from '../store/worker-reports.ts';
import type { TrainingQueue } from './training-queue.ts';

const INTERVAL_MS = 2_000;
/** By this age, the process that made the entry has failed to enqueue it. */
const OUTBOX_AGE_MS = 2_000;
const OUTBOX_PAGE = 100;
/** How often all live records are compared with the queue. */
const COMPARISON_INTERVAL_MS = 60_000;
/** Live records compared in one round trip. */
const COMPARISON_PAGE = 500;

/** The statuses of jobs that wait for a worker or run on one. */
const HAVE_A_DELIVERY: ReadonlySet<string> = new Set(['queued', 'running', 'pausing', 'cancelling']);

const nullable = z.string().nullable();
const RecordsSchema = z.array(z.tuple([nullable, nullable, nullable, nullable]));

/**
 * KEYS: reconciler; ARGV: this process, ms. Takes or keeps the turn. The DEL comes first: a full Redis accepts it, and
 * then the SET, so retention, which makes room, still gets its turn.
 */
const TAKE_TURN = scriptOf(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`);

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
  readonly #timers = new Set<NodeJS.Timeout>();
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

  /**
   * Starts the rounds; the first runs at once. `also` runs after each comparison. The outbox has a timer of its own, so
   * that a lost enqueue never waits for either.
   */
  start(also: () => Promise<void>): void {
    this.#repeat(
      async () => {
        await this.drainOutbox();
        await this.share();
      },
      INTERVAL_MS,
      INTERVAL_MS,
    );
    this.#repeat(
      async () => {
        await this.compare();
        await also();
      },
      COMPARISON_INTERVAL_MS,
      INTERVAL_MS,
    );
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** Runs it whenever it is our turn, and again after `waitMs`; looks for our turn every `lookMs`. */
  #repeat(run: () => Promise<void>, waitMs: number, lookMs: number): void {
    const next = async () => {
      let ran = false;
      try {
        if (await this.#isOurTurn()) {
          await run();
          ran = true;
        }
      } catch (error) {
        this.#log.warn({ err: error }, 'the queue could not be reconciled; trying again');
      }
      if (this.#stopped) return;
      const timer = setTimeout(
        () => {
          this.#timers.delete(timer);
          void next();
        },
        ran ? waitMs : lookMs,
      );
      this.#timers.add(timer);
    };
    void next();
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

  /** The live jobs whose delivery is neither in the outbox nor in BullMQ, and not held. */
  async *missing(): AsyncGenerator<{ id: string; deliveryId: string }> {
    const ids = await answered(() => this.#redis.smembers(this.#keys.live));
    for (let from = 0; from < ids.length; from += COMPARISON_PAGE) {
      for (const [id, deliveryId] of await this.#missingOf(ids.slice(from, from + COMPARISON_PAGE))) {
        // The job may have moved on since its record was read.
        if ((await this.#deliveries([id])).get(id) === deliveryId) yield { id, deliveryId };
      }
    }
  }

  async #missingOf(ids: string[]): Promise<[string, string][]> {
    const deliveries = [...(await this.#deliveries(ids))];
    const pipeline = this.#redis.pipeline();
    for (const [, deliveryId] of deliveries) pipeline.zscore(this.#keys.outbox, deliveryId);
    const inOutbox = await allAnswered(() => pipeline.exec());
    const rest = deliveries.filter((_, i) => inOutbox[i] === null);
    const has = await this.#queue.has(rest.map(([, deliveryId]) => deliveryId));
    return rest.filter((_, i) => !has[i]);
  }

  /** The deliveries that live jobs wait for or run under, by job; held ones are left out. */
  async #deliveries(ids: string[]): Promise<Map<string, string>> {
    const reading = this.#redis.pipeline();
    for (const id of ids) reading.hmget(this.#keys.job(id), 'status', 'delivery', 'owner', 'place');
    const records = RecordsSchema.parse(await allAnswered(() => reading.exec()));
    const live = records.flatMap(([status, delivery, owner, place], i) => {
      if (status === null || !HAVE_A_DELIVERY.has(status)) return [];
      const deliveryId = deliveryIdOf({ id: ids[i], delivery: Number(delivery) });
      return [{ id: ids[i], deliveryId, member: heldMember(owner ?? '', place ?? '', deliveryId) }];
    });
    const looking = this.#redis.pipeline();
    for (const { member } of live) looking.zscore(this.#keys.held, member);
    const held = await allAnswered(() => looking.exec());
    return new Map(live.filter((_, i) => held[i] === null).map(({ id, deliveryId }) => [id, deliveryId]));
  }

  /** Takes or keeps the turn; a process that stops loses it within two rounds. */
  async #isOurTurn(): Promise<boolean> {
    const turn = [this.#holder, 2 * INTERVAL_MS];
    return (await runScript(this.#redis, TAKE_TURN, [this.#keys.reconciler], turn)) === 1;
  }
}
