import { z } from 'zod';
import type { EngineName } from '../contract/job-spec.ts';
import type { Redis } from '../redis/connections.ts';
import { json } from './job-record.ts';
import type { Keys } from './keys.ts';
import { answered } from './transition-runner.ts';

/** What a finished job took. */
export interface JobTiming {
  /** From its start to its end. */
  seconds: number;
  /** The amounts of its work, see training/job-work.ts. */
  work: readonly number[];
}

/** About 6 KB an engine. */
const MOST_KEPT = 50;

/** Entries of another version may have other fields or amounts; they are left out. */
const EntrySchema = z.tuple([
  z.literal('timing'),
  json(z.strictObject({ seconds: z.number().gt(0), work: z.array(z.number().gte(0)) })),
]);

/** How long the latest finished jobs took, by engine: what estimates are learned from. Losing some does no harm. */
export class JobTimings {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** @throws {StoreUnavailableError} */
  async add(engine: EngineName, timing: JobTiming): Promise<void> {
    const text = JSON.stringify(timing);
    await answered(() =>
      this.#redis.xadd(this.#keys.timings(engine), 'MAXLEN', MOST_KEPT, '*', 'timing', text),
    );
  }

  /** Oldest first. @throws {StoreUnavailableError} */
  async list(engine: EngineName): Promise<JobTiming[]> {
    const entries = await answered(() => this.#redis.xrange(this.#keys.timings(engine), '-', '+'));
    return entries.flatMap(([, fields]) => {
      const { success, data } = EntrySchema.safeParse(fields);
      return success ? [data[1]] : [];
    });
  }
}
