import type { JobEvent } from '../contract/job-event.ts';
import type { MetricsRow } from '../contract/metrics-list.ts';
import type { Redis } from '../redis/connections.ts';
import { type EventFields, parseStreamEntry, unpack } from './job-packer.ts';
import { isoTime } from './job-view.ts';
import type { JobHead } from './jobs.ts';
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

interface NumberedFields {
  seq: number;
  fields: EventFields;
}

function storedEvent({ seq, fields: [type, at, data] }: NumberedFields): StoredEvent {
  const text = `{"seq":${seq},"type":"${type}","created_at":"${isoTime(Number(at))}","data":${data}}`;
  return { seq, type: type as JobEvent['type'], data, text };
}

/** More events than a job of 1,000 epochs usually has, so that one answer of Redis has all of them. */
const METRICS_PAGE = 2000;

/** Metrics that are kept, at most 16 MB in all. */
const MOST_KNOWN = 1_000;
const MOST_CHARACTERS = 16_384;

/** Reads the events of a job, the same whether they are still in its stream or packed. */
export class JobEvents {
  readonly #redis: Redis;
  readonly #keys: Keys;
  /** By id, `after` and ETag. */
  readonly #known = new Recent<readonly string[]>(MOST_KNOWN);

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /**
   * Events with seq > after, oldest first, at most `limit`.
   * @throws {StoreUnavailableError}
   */
  async read(id: string, { after, limit }: { after: number; limit: number }): Promise<StoredEvent[]> {
    return (await this.#read(id, { after, limit, packed: false })).map(storedEvent);
  }

  /** packed: how they are probably stored. Otherwise it takes a second round trip. */
  async #read(
    id: string,
    { after, limit, packed }: { after: number; limit: number; packed: boolean },
  ): Promise<NumberedFields[]> {
    const key = this.#keys.events(id);
    const fromStream = async () => {
      const entries = await answered(() => this.#redis.xrange(key, `${after + 1}-0`, '+', 'COUNT', limit));
      return entries.map(parseStreamEntry);
    };
    const fromPacked = async () => {
      const text = await answered(() => this.#redis.get(key));
      const events = text === null ? [] : unpack(text);
      return events.slice(after, after + limit).map((fields, i) => ({ seq: after + 1 + i, fields }));
    };
    const [likely, other] = packed ? [fromPacked, fromStream] : [fromStream, fromPacked];
    try {
      return await likely();
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('WRONGTYPE')) throw error;
      return await other();
    }
  }

  /**
   * The metrics of the epochs whose event has seq > after, in order, each as the JSON of a `MetricsRow`. head: that of
   * the job, read before. The metrics never change under its ETag, so the latest ones are not read again.
   * @throws {StoreUnavailableError}
   */
  async metrics(id: string, after: number, { etag, packed }: JobHead): Promise<readonly string[]> {
    const key = `${id} ${after} ${etag}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const rows = await this.#metrics(id, after, packed);
    const characters = rows.reduce((sum, row) => sum + row.length, 0);
    if (characters <= MOST_CHARACTERS) this.#known.add(key, rows);
    return rows;
  }

  /**
   * The same, parsed, for callers that have not read the head.
   * @throws {StoreUnavailableError}
   */
  async metricsRows(id: string, after: number): Promise<MetricsRow[]> {
    return parseRows(await this.#metrics(id, after, false));
  }

  async #metrics(id: string, after: number, packed: boolean): Promise<string[]> {
    const rows: string[] = [];
    let cursor = after;
    for (;;) {
      const page = await this.#read(id, { after: cursor, limit: METRICS_PAGE, packed });
      for (const { seq, fields } of page) {
        const [type, at, data] = fields;
        if (type !== 'job.epoch') continue;
        rows.push(`${data.slice(0, -1)},"seq":${seq},"created_at":"${isoTime(Number(at))}"}`);
      }
      const last = page.at(-1);
      if (last === undefined || page.length < METRICS_PAGE) return rows;
      cursor = last.seq;
    }
  }
}

/** The rows that `JobEvents.metrics` returned. */
export const parseRows = (texts: readonly string[]): MetricsRow[] =>
  JSON.parse(`[${texts.join()}]`) as MetricsRow[];
