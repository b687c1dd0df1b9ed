import type { JobEvent } from '../contract/job-event.ts';
import type { MetricsRow } from '../contract/metrics.ts';
import type { Redis } from '../redis/connections.ts';
import { type EventFields, parseStreamEntry, unpack } from './job-packer.ts';
import { isoTime } from './job-view.ts';
import type { Keys } from './keys.ts';
import { Recent } from './recent.ts';
import { answered } from './transition-runner.ts';

/** A stored event. Its JSON, a `JobEvent`, is assembled but never parsed. */
export interface StoredEvent {
  seq: number;
  type: JobEvent['type'];
  /** JSON of the event's data. */
  data: string;
  /** JSON of the whole event. */
  text: string;
}

function storedEvent(seq: number, [type, at, data]: EventFields): StoredEvent {
  const text = `{"seq":${seq},"type":"${type}","created_at":"${isoTime(Number(at))}","data":${data}}`;
  return { seq, type: type as JobEvent['type'], data, text };
}

const METRICS_PAGE = 1000;

/** Metrics that are kept, at most 16 MB in all. */
const MOST_KNOWN = 1_000;
const MOST_CHARACTERS = 16_384;

/** Reads the events of a job, the same whether they are still in its stream or packed. */
export class JobEvents {
  readonly #redis: Redis;
  readonly #keys: Keys;
  /** By id, `after` and ETag. */
  readonly #known = new Recent<string>(MOST_KNOWN);

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /**
   * Events with seq > after, oldest first, at most `limit`.
   * @throws {StoreUnavailableError}
   */
  async read(id: string, { after, limit }: { after: number; limit: number }): Promise<StoredEvent[]> {
    const key = this.#keys.events(id);
    try {
      const entries = await answered(() => this.#redis.xrange(key, `${after + 1}-0`, '+', 'COUNT', limit));
      return entries.map((entry) => {
        const { seq, fields } = parseStreamEntry(entry);
        return storedEvent(seq, fields);
      });
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('WRONGTYPE')) throw error;
      const packed = await answered(() => this.#redis.get(key));
      const events = packed === null ? [] : unpack(packed);
      return events.slice(after, after + limit).map((fields, i) => storedEvent(after + 1 + i, fields));
    }
  }

  /**
   * The metrics of the epochs whose event has seq > after, in order, as a JSON array of `MetricsRow`. etag: that of the
   * job, read before; the metrics never change under it, so the latest ones are not read again.
   * @throws {StoreUnavailableError}
   */
  async metricsJson(id: string, after: number, etag: string): Promise<string> {
    const key = `${id} ${after} ${etag}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const text = `[${(await this.#metrics(id, after)).join()}]`;
    if (text.length <= MOST_CHARACTERS) this.#known.add(key, text);
    return text;
  }

  async #metrics(id: string, after: number): Promise<string[]> {
    const rows: string[] = [];
    let cursor = after;
    for (;;) {
      const page = await this.read(id, { after: cursor, limit: METRICS_PAGE });
      for (const { seq, type, data } of page) {
        if (type === 'job.epoch') rows.push(`${data.slice(0, -1)},"seq":${seq}}`);
      }
      const last = page.at(-1);
      if (last === undefined || page.length < METRICS_PAGE) return rows;
      cursor = last.seq;
    }
  }

  /**
   * The metrics of the epochs whose event has seq > after, in order.
   * @throws {StoreUnavailableError}
   */
  async metricsRows(id: string, after: number): Promise<MetricsRow[]> {
    return (await this.#metrics(id, after)).map((text) => JSON.parse(text) as MetricsRow);
  }
}
