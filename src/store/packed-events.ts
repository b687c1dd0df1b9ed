import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { z } from 'zod';
import type { Redis } from '../redis/connections.ts';
import type { Keys } from './keys.ts';
import { allAnswered, answered, runTransition } from './transition-runner.ts';

/** The events of jobs that have ended are kept packed: a quarter of the room that their stream takes. */

/** What XRANGE gives of an entry: its id and its fields. */
export type StreamEntry = [id: string, fields: string[]];

const EntriesSchema: z.ZodType<StreamEntry[]> = z.array(z.tuple([z.string(), z.array(z.string())]));

const pack = (entries: StreamEntry[]): string =>
  deflateRawSync(JSON.stringify(entries), { level: 9 }).toString('base64');

/** @throws when the text is not what `EventPacker` wrote. */
export const unpack = (text: string): StreamEntry[] =>
  EntriesSchema.parse(JSON.parse(inflateRawSync(Buffer.from(text, 'base64')).toString('utf8')));

/** Who watches a job to its end has seen the end by then, from the stream. */
const AGE_MS = 10_000;

/** Looked at in one round trip. */
const PAGE = 500;

/** Packs the events of jobs that ended since it last looked; the first look sees all. */
export class EventPacker {
  readonly #redis: Redis;
  readonly #keys: Keys;
  #sinceMs = 0;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /**
   * @returns how many jobs it packed.
   * @throws {StoreUnavailableError} what is not packed yet is found by the next look.
   */
  async packFinished(): Promise<number> {
    const [seconds] = await answered(() => this.#redis.time());
    const untilMs = Number(seconds) * 1000 - AGE_MS;
    const ids = await answered(() => this.#redis.zrangebyscore(this.#keys.finished, this.#sinceMs, untilMs));
    let packed = 0;
    for (let from = 0; from < ids.length; from += PAGE) {
      for (const id of await this.#withStream(ids.slice(from, from + PAGE))) {
        if (await this.#pack(id)) packed += 1;
      }
    }
    // A job may have ended in the same millisecond: the next look begins with it.
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
    const seq = Number.parseInt(entries.at(-1)?.[0] ?? '0', 10);
    const answer = await runTransition(this.#redis, this.#keys, 'pack', {
      id,
      args: { seq, events: pack(entries) },
    });
    return answer.outcome === 'packed';
  }
}
