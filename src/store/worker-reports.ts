import { z } from 'zod';
import { type WorkerReport, WorkerReportSchema } from '../contract/worker-report.ts';
import { wallClockMs } from '../process/clock.ts';
import type { Redis } from '../redis/connections.ts';
import type { Keys } from './keys.ts';
import { redisTimeMs } from './redis-clock.ts';
import { allAnswered, answered } from './transition-runner.ts';

/** A worker that has not reported for this long is no longer listed. */
export const REPORT_TTL_MS = 15_000;

/** A report before it is written, which adds the times. */
export type UndatedReport = Omit<WorkerReport, 'reported_at' | 'clock_offset_ms'>;

/** Unknown fields are ignored, since a later version may add some. */
const ReadableReportSchema = z.object(WorkerReportSchema.shape);

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
    await allAnswered(() =>
      this.#redis
        .multi()
        .set(this.#keys.worker(report.id), text, 'PX', REPORT_TTL_MS)
        .zadd(this.#keys.workers, now + REPORT_TTL_MS, report.id)
        .zremrangebyscore(this.#keys.workers, '-inf', `(${now}`)
        .exec(),
    );
  }

  /** @throws {StoreUnavailableError} */
  async withdraw(id: string): Promise<void> {
    await allAnswered(() =>
      this.#redis.multi().del(this.#keys.worker(id)).zrem(this.#keys.workers, id).exec(),
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
