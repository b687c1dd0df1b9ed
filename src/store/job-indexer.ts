import { z } from 'zod';
import { LOCAL_OWNER } from '../contract/access.ts';
import { bestOf } from '../contract/best.ts';
import type { Redis } from '../redis/connections.ts';
import { FACT_SEPARATOR, FACTS, factsOf } from './facts.ts';
import { JobEvents } from './job-events.ts';
import { parseRecord } from './job-record.ts';
import type { Keys } from './keys.ts';
import { redisTimeMs } from './redis-clock.ts';
import { StoreUnavailableError } from './store-error.ts';
import { allAnswered, answered, runTransition } from './transition-runner.ts';

/** Jobs checked in one round trip. */
const PAGE = 500;

const StateSchema = z.tuple([z.string().nullable(), z.string().nullable()]);

/**
 * Gives the jobs of older versions the facts that they are found by. The first pass looks at all jobs, later ones at those
 * that have ended since, because a worker of an older version may still run beside this one.
 */
export class JobIndexer {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #events: JobEvents;
  #sinceMs = 0;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
    this.#events = new JobEvents(redis, keys);
  }

  /**
   * @returns how many jobs it indexed.
   * @throws {StoreUnavailableError} the next pass indexes the rest.
   */
  async indexJobs(): Promise<number> {
    const nowMs = await redisTimeMs(this.#redis);
    const finished = await answered(() =>
      this.#redis.zrangebyscore(this.#keys.finished, this.#sinceMs, '+inf'),
    );
    const live = await answered(() => this.#redis.smembers(this.#keys.live));
    const ids = [...live, ...finished];
    let indexed = 0;
    for (let from = 0; from < ids.length; from += PAGE) {
      for (const id of await this.#withoutFacts(ids.slice(from, from + PAGE))) {
        if (await this.#index(id)) indexed += 1;
      }
    }
    this.#sinceMs = nowMs;
    return indexed;
  }

  /** Those that have none, or succeeded under a worker that did not add the result's. */
  async #withoutFacts(ids: string[]): Promise<string[]> {
    const records = this.#redis.pipeline();
    for (const id of ids) records.hmget(this.#keys.job(id), 'status', 'owner');
    const states = z.array(StateSchema).parse(await allAnswered(() => records.exec()));
    const pipeline = this.#redis.pipeline();
    for (const [i, id] of ids.entries()) pipeline.hget(this.#keys.facts(states[i]![1] ?? LOCAL_OWNER), id);
    const texts = z.array(z.string().nullable()).parse(await allAnswered(() => pipeline.exec()));
    return ids.filter((_, i) => {
      const [[status], facts] = [states[i]!, texts[i]!];
      if (facts === null) return status !== null;
      return status === 'succeeded' && facts.split(FACT_SEPARATOR)[FACTS.indexOf('duration_seconds')] === '';
    });
  }

  async #index(id: string): Promise<boolean> {
    const stored = await answered(() => this.#redis.hgetall(this.#keys.job(id)));
    const facts = await this.#factsOf(id, stored);
    if (facts === undefined) return false;
    const args = { seq: stored.seq ?? '', facts };
    return (await runTransition(this.#redis, this.#keys, 'index', { id, args })).outcome === 'indexed';
  }

  /** undefined when the job is gone, its record or its events are unreadable, or a newer version wrote them. */
  async #factsOf(id: string, stored: Record<string, string>): Promise<string | undefined> {
    try {
      const record = parseRecord(stored);
      if (record === undefined) return undefined;
      const { result } = record;
      const best = result && (result.best ?? bestOf(await this.#events.metricsRows(id, 0)));
      return factsOf(record, result && { ...result, best });
    } catch (error) {
      // One such job must not keep the others from being found.
      if (error instanceof StoreUnavailableError) throw error;
      return undefined;
    }
  }
}
