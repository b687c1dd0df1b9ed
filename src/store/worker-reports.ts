import { z } from 'zod';
import { type WorkerReport, WorkerReportSchema } from '../contract/worker-report.ts';
import { wallClockMs } from '../process/clock.ts';
import type { Redis } from '../redis/connections.ts';
import type { Keys } from './keys.ts';
import { redisTimeMs } from './redis-clock.ts';
import { allAnswered, answered, runScript, scriptOf } from './transition-runner.ts';

/** A worker that has not reported for this long is no longer listed. */
export const REPORT_TTL_MS = 15_000;

/** A report before it is written, which adds the times. */
export type UndatedReport = Omit<WorkerReport, 'reported_at' | 'clock_offset_ms'>;

/** Unknown fields are ignored, since a later version may add some. */
const ReadableReportSchema = z.object(WorkerReportSchema.shape);
/**
 * KEYS: the report, workers; ARGV: id, text, now. The DEL comes first: a full Redis accepts it, and then the other
 * writes, so a worker does not vanish from the list then.
 */
const WRITE = scriptOf(`
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[2], 'PX', ${REPORT_TTL_MS})
redis.call('ZADD', KEYS[2], ARGV[3] + ${REPORT_TTL_MS}, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[3])
`);

/** The workers' reports. */
export class WorkerReports {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** @throws {StoreUnavailableError} */
  async write(report: UndatedReport): Promise<void> {
    const now = await redisTimeMs(this.#redis);
    const text = JSON.stringify({
      ...report,
      reported_at: new Date(now).toISOString(),
      clock_offset_ms: wallClockMs() - now,
    } satisfies WorkerReport);
    await runScript(
      this.#redis,
      WRITE,
      [this.#keys.worker(report.id), this.#keys.workers],
      [report.id, text, now],
    );
  }

  /** @throws {StoreUnavailableError} */
  async withdraw(id: string): Promise<void> {
    await allAnswered(() =>
      this.#redis.pipeline().del(this.#keys.worker(id)).zrem(this.#keys.workers, id).exec(),
    );
  }

  /**
   * The latest reports of the current workers, sorted by id. Reports that this version cannot read are left out: during
   * an upgrade, workers of another version may report.
   * @throws {StoreUnavailableError}
   */
  async list(): Promise<WorkerReport[]> {
    const ids = await answered(() => this.#redis.zrange(this.#keys.workers, 0, -1));
    if (ids.length === 0) return [];
    const texts = await answered(() => this.#redis.mget(ids.map((id) => this.#keys.worker(id))));
    return texts
      .flatMap((text) => (text === null ? [] : parseReport(text)))
      .sort((a, b) => (a.id < b.id ? -1 : 1));
  }
}

function parseReport(text: string): WorkerReport[] {
  const { success, data } = ReadableReportSchema.safeParse(JSON.parse(text));
  return success ? [data] : [];
}
