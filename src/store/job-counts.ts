import { z } from 'zod';
import { type JobStatus, JobStatusSchema } from '../contract/job.ts';
import type { Redis } from '../redis/connections.ts';
import type { Keys } from './keys.ts';
import { OWNERS_OF } from './owners.ts';
import { PRIORITY_STEP } from './places.ts';
import { runScript, scriptOf } from './transition-runner.ts';

/**
 * KEYS: statuses, queued, outbox. ARGV: the statuses. The index of statuses is sorted by owner, so that each owner is
 * found by one look-up and each count by another, however many jobs there are. `;` follows `:` in ASCII.
 */
const COUNT = scriptOf(`${OWNERS_OF}
local MOST_OWNERS = 1000
local counts = {}
for i = 1, #ARGV do
  counts[i] = 0
end
for _, owner in ipairs(owners_of(KEYS[1], MOST_OWNERS)) do
  for i = 1, #ARGV do
    local from, to = '[' .. owner .. ':' .. ARGV[i] .. ':', '(' .. owner .. ':' .. ARGV[i] .. ';'
    counts[i] = counts[i] + redis.call('ZLEXCOUNT', KEYS[1], from, to)
  end
end
local time = redis.call('TIME')
-- The oldest of each priority is its first.
local oldest = ''
for priority = -10, 10 do
  local from = time[1] * 1e6 - (priority + 0.5) * ${PRIORITY_STEP}
  local bounds = { string.format('%.0f', from), string.format('(%.0f', from + ${PRIORITY_STEP}) }
  local first = redis.call('ZRANGE', KEYS[2], bounds[1], bounds[2], 'BYSCORE', 'LIMIT', 0, 1, 'WITHSCORES')[2]
  if first and (oldest == '' or first + priority * ${PRIORITY_STEP} < oldest) then
    oldest = first + priority * ${PRIORITY_STEP}
  end
end
oldest = oldest == '' and '' or string.format('%.0f', oldest)
local waiting = redis.call('ZRANGE', KEYS[3], 0, 0, 'WITHSCORES')[2] or ''
return { time[1], time[2], oldest, redis.call('ZCARD', KEYS[3]), waiting, unpack(counts) }
`);

const STATUSES = JobStatusSchema.options;

const ReplySchema = z.array(z.union([z.string(), z.number()])).length(5 + STATUSES.length);

export interface Counts {
  /** Time of Redis in ms since the Unix epoch. */
  nowMs: number;
  byStatus: Record<JobStatus, number>;
  /** Time since the oldest queued job was created; 0 when none is queued. */
  oldestQueuedMs: number;
  /** Deliveries that BullMQ may not have, and the time since the oldest was added. */
  outbox: { count: number; oldestMs: number };
}

/** Counts of an installation, cheap enough to be read with every scrape. */
export class JobCounts {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** @throws {StoreUnavailableError} */
  async read(): Promise<Counts> {
    const { statuses, queued, outbox } = this.#keys;
    const reply = await runScript(this.#redis, COUNT, [statuses, queued, outbox], STATUSES);
    const [seconds, microseconds, oldest, count, waiting, ...counts] = ReplySchema.parse(reply);
    const nowMs = Number(seconds) * 1000 + Math.floor(Number(microseconds) / 1000);
    // A clock that stepped back must not show a negative age.
    const age = (atMs: number) => Math.max(0, nowMs - atMs);
    return {
      nowMs,
      byStatus: Object.fromEntries(
        STATUSES.map((status, i) => [status, Number(counts[i])]),
      ) as Counts['byStatus'],
      oldestQueuedMs: oldest === '' ? 0 : age(Number(oldest) / 1000),
      outbox: { count: Number(count), oldestMs: waiting === '' ? 0 : age(Number(waiting)) },
    };
  }
}
