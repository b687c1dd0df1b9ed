import { z } from 'zod';
import type { Redis } from '../redis/connections.ts';
import { FACT_SEPARATOR, FACTS, metadataLabel } from './facts.ts';
import type { Keys } from './keys.ts';
import { allAnswered, answered } from './transition-runner.ts';

/** What happened to all of an owner's jobs: the ids of their events in one order. */

/** The cursor before all entries. */
export const FEED_START = '0-0';

/** The length at which Redis begins to forget the oldest; transitions/events.lua has the same. */
const FEED_LENGTH = 10_000;

export interface FeedEntry {
  /** `<milliseconds>-<number>`; each is larger than the one before. */
  id: string;
  job: string;
  seq: number;
}

export interface FeedPage {
  entries: FeedEntry[];
  /** Whether entries after the cursor are gone: the feed forgot them, or Redis lost its newest writes. */
  isLost: boolean;
  /** The id of the newest entry of the feed, or FEED_START. */
  newest: string;
}

const EntriesSchema = z.array(
  z
    .tuple([z.string(), z.array(z.string())])
    .transform(([id, [, job, , seq]]): FeedEntry => ({ id, job: job!, seq: Number(seq) })),
);
const RepliesSchema = z.tuple([z.number(), EntriesSchema, EntriesSchema, EntriesSchema]);

export class JobFeed {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /**
   * The entries after a cursor, oldest first. cursor: an id that the feed had, or FEED_START.
   * @throws {StoreUnavailableError}
   */
  async read(owner: string, cursor: string, limit: number): Promise<FeedPage> {
    const key = this.#keys.feed(owner);
    const replies = await allAnswered(() =>
      this.#redis
        .pipeline()
        .xlen(key)
        .xrange(key, '-', '+', 'COUNT', 1)
        .xrevrange(key, '+', '-', 'COUNT', 1)
        .xrange(key, `(${cursor}`, '+', 'COUNT', limit)
        .exec(),
    );
    const [length, [oldest], [last], entries] = RepliesSchema.parse(replies);
    const newest = last?.id ?? FEED_START;
    const hasForgotten =
      oldest !== undefined && (cursor === FEED_START ? length >= FEED_LENGTH : isBefore(cursor, oldest.id));
    return { entries, isLost: hasForgotten || isBefore(newest, cursor), newest };
  }

  /**
   * Whether the job has all these pairs in its metadata. False also for one that is gone.
   * @throws {StoreUnavailableError}
   */
  async hasMetadata(
    owner: string,
    id: string,
    pairs: readonly (readonly [key: string, value: string])[],
  ): Promise<boolean> {
    const facts = await answered(() => this.#redis.hget(this.#keys.facts(owner), id));
    const labels = facts?.split(FACT_SEPARATOR).slice(FACTS.length) ?? [];
    return pairs.every(([key, value]) => labels.includes(metadataLabel(key, value)));
  }
}

/** Whether the feed has the one id before the other. */
function isBefore(one: string, other: string): boolean {
  const [[oneMs, oneNumber], [otherMs, otherNumber]] = [one, other].map((id) =>
    id.split('-').map(Number),
  ) as [[number, number], [number, number]];
  return oneMs === otherMs ? oneNumber < otherNumber : oneMs < otherMs;
}
