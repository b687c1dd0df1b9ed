import { brotliDecompressSync } from 'node:zlib';
import { z } from 'zod';
import type { Redis } from '../redis/connections.ts';
import { RECORD_SCHEMA } from './job-record.ts';
import { PACKED_FIELDS } from './job-view.ts';
import type { Keys } from './keys.ts';
import { isPackedText, packText, unpackText } from './packed-text.ts';
import { redisTimeMs } from './redis-clock.ts';
import { allAnswered, answered, runTransition } from './transition-runner.ts';

/** A finished job is stored packed: it takes half the memory and is faster to list. */

/** The fields of a stream entry: type, time in ms, data as JSON. The entry's id counts from 1. */
export type EventFields = [type: string, at: string, data: string];

/**
 * An entry as XRANGE returns it, its fields in the order in which transitions/events.lua writes them. Without a schema,
 * because one answer may consist of a thousand.
 * @throws when it has other fields.
 */
export function parseStreamEntry([id, fields]: [string, string[]]): { seq: number; fields: EventFields } {
  if (fields.length !== 6 || !id.endsWith('-0')) throw new Error(`${id} is not an event of a job`);
  return { seq: Number.parseInt(id, 10), fields: [fields[1], fields[3], fields[5]] };
}

const PackedSchema: z.ZodType<EventFields[]> = z.array(z.tuple([z.string(), z.string(), z.string()]));

/** @throws when the text is not what `JobPacker` wrote; earlier builds wrote brotli. */
export function unpack(text: string): EventFields[] {
  const events = isPackedText(text)
    ? unpackText(text)
    : brotliDecompressSync(Buffer.from(text, 'base64')).toString('utf8');
  return PackedSchema.parse(JSON.parse(events));
}

/** By then, clients that watch a job to its end have read the end from the stream. */
const AGE_MS = 10_000;

/** Jobs checked in one round trip. */
const PAGE = 500;

/** Packs the jobs that ended since its last pass; the first pass covers all. */
export class JobPacker {
  readonly #redis: Redis;
  readonly #keys: Keys;
  #sinceMs = 0;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /**
   * @returns how many jobs it packed.
   * @throws {StoreUnavailableError} the next pass packs the rest.
   */
  async packFinished(): Promise<number> {
    const untilMs = (await redisTimeMs(this.#redis)) - AGE_MS;
    const ids = await answered(() => this.#redis.zrangebyscore(this.#keys.finished, this.#sinceMs, untilMs));
    let packed = 0;
    for (let from = 0; from < ids.length; from += PAGE) {
      for (const id of await this.#withStream(ids.slice(from, from + PAGE))) {
        if (await this.#pack(id)) packed += 1;
      }
    }
    // A job may still end in this millisecond, so the next pass starts with it.
    this.#sinceMs = untilMs;
    return packed;
  }

  async #withStream(ids: string[]): Promise<string[]> {
    const pipeline = this.#redis.pipeline();
    for (const id of ids) pipeline.type(this.#keys.events(id));
    const types = await allAnswered(() => pipeline.exec());
    return ids.filter((_, i) => types[i] === 'stream');
  }

  async #pack(id: string): Promise<boolean> {
    const entries = await answered(() => this.#redis.xrange(this.#keys.events(id), '-', '+'));
    const events = entries.map((entry) => parseStreamEntry(entry).fields);
    const fields = await answered(() =>
      this.#redis.hmget(this.#keys.job(id), 'revision', 'view', ...PACKED_FIELDS),
    );
    const [revision, view, ...values] = fields.map((value) => value ?? '');
    const answer = await runTransition(this.#redis, this.#keys, 'pack', {
      id,
      args: {
        schema: RECORD_SCHEMA,
        seq: events.length,
        revision: revision!,
        events: await packText(JSON.stringify(events)),
        view: await packText(view === '' ? values.join('\0') : view!),
        packed_fields: PACKED_FIELDS.join(' '),
      },
    });
    return answer.outcome === 'packed';
  }
}
