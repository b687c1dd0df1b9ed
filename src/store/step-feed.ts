import type { StepRow } from '../contract/step-row.ts';
import type { Redis } from '../redis/connections.ts';
import type { Keys } from './keys.ts';

/** Tells those who listen of logged steps. Nothing is stored: the rows are in the job's log, with its next checkpoint. */
export class StepFeed {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** Returns at once and never throws; what is lost without Redis, nobody misses. */
  tell(id: string, data: readonly StepRow[]): void {
    if (data.length === 0 || this.#redis.status !== 'ready') return;
    this.#redis.publish(this.#keys.stepsChannel(id), JSON.stringify({ data })).catch(() => {});
  }
}
