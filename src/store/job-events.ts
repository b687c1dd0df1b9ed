import { z } from 'zod';
import { type JobEvent, JobEventSchema } from '../contract/job-event.ts';
import type { MetricsRow } from '../contract/metrics.ts';
import type { Redis } from '../redis/connections.ts';
import { isoTime } from './job-record.ts';
import type { Keys } from './keys.ts';
import { answered } from './transition-runner.ts';

const EntrySchema = z
  .tuple([z.string().regex(/^\d+-0$/), z.array(z.string())])
  .transform(([id, fields]): unknown => {
    const entry = new Map<string, string>();
    for (let i = 0; i < fields.length; i += 2) entry.set(fields[i] ?? '', fields[i + 1] ?? '');
    return {
      seq: Number.parseInt(id, 10),
      type: entry.get('type'),
      created_at: isoTime(Number(entry.get('at'))),
      data: JSON.parse(entry.get('data') ?? 'null'),
    };
  })
  .pipe(JobEventSchema);

const METRICS_PAGE = 1000;

/** The event stream of a job: what is read here is what was written, live or years later. */
export class JobEvents {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /**
   * Events with seq > after, oldest first, at most `limit`.
   * @throws {StoreUnavailableError}
   */
  async read(id: string, { after, limit }: { after: number; limit: number }): Promise<JobEvent[]> {
    const entries = await answered(() =>
      this.#redis.xrange(this.#keys.events(id), `${after + 1}-0`, '+', 'COUNT', limit),
    );
    return entries.map((entry) => EntrySchema.parse(entry));
  }

  /**
   * The metrics of the epochs whose event has seq > after, in order.
   * @throws {StoreUnavailableError}
   */
  async metrics(id: string, after: number): Promise<MetricsRow[]> {
    const rows: MetricsRow[] = [];
    let cursor = after;
    for (;;) {
      const page = await this.read(id, { after: cursor, limit: METRICS_PAGE });
      for (const event of page) {
        if (event.type === 'job.epoch') rows.push({ ...event.data, seq: event.seq });
      }
      const last = page.at(-1);
      if (last === undefined || page.length < METRICS_PAGE) return rows;
      cursor = last.seq;
    }
  }
}
