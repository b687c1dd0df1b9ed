import { LOCAL_OWNER } from '../contract/access.ts';
import type { Log } from '../process/log.ts';
import type { Redis } from '../redis/connections.ts';
import type { Artifacts } from './artifacts.ts';
import type { JobStore, RemoveOutcome, Scope } from './jobs.ts';
import type { Keys } from './keys.ts';
import { redisTimeMs } from './redis-clock.ts';
import { allAnswered, answered, runScript, scriptOf } from './transition-runner.ts';

export interface RetentionLimits {
  days: number;
  jobs: number;
  gigabytes: number;
  /** Percent of Redis's maxmemory. */
  redisPercent: number;
}

/** Something that takes up disk space until it is removed. */
interface Remains {
  id: string;
  /** Time of its last change in ms since the Unix epoch. */
  sinceMs: number;
  /** False for a folder without a record: Redis lost the job, or a lost worker wrote once more. */
  hasRecord: boolean;
}

/** KEYS: storage; ARGV: owners, each with his bytes. */
const NOTE_STORAGE = scriptOf(`
redis.call('DEL', KEYS[1])
for i = 1, #ARGV, 2 do
  redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
end
`);

/** Jobs whose size is measured, to estimate how many to remove. */
const SAMPLE = 100;
/** What a packed job takes besides its texts: two keys, a hash, and its entries in the indexes. */
const JOB_OVERHEAD_BYTES = 800;
/** The least that a stream takes. */
const STREAM_BYTES = 4096;

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Removes finished jobs and their files. The record goes first and its id enters the trash; then the folder goes, and
 * the id leaves the trash. After a crash in between, the next sweep finishes the removal.
 */
export class Retention {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #jobs: JobStore;
  readonly #artifacts: Artifacts;
  readonly #log: Log;

  constructor(redis: Redis, keys: Keys, jobs: JobStore, artifacts: Artifacts, log: Log) {
    this.#redis = redis;
    this.#keys = keys;
    this.#jobs = jobs;
    this.#artifacts = artifacts;
    this.#log = log;
  }

  /** The only way to remove a job. @throws {StoreUnavailableError} */
  async remove(scope: Scope, id: string): Promise<RemoveOutcome> {
    // Without a record, any owner gets the same answer.
    const owner =
      scope ?? (await answered(() => this.#redis.hget(this.#keys.job(id), 'owner'))) ?? LOCAL_OWNER;
    const outcome = await this.#jobs.remove(owner, id);
    if (outcome.outcome === 'removed') await this.#emptyTrash(id);
    return outcome;
  }

  /**
   * Finishes removals that a crash cut short, then removes the oldest finished jobs beyond the limits. It works on a
   * full Redis too. A folder without a record is kept as long as a finished job, so that starting with an empty or the
   * wrong Redis deletes no models at once.
   * @returns how many jobs it removed.
   * @throws {StoreUnavailableError}
   */
  async sweep(limits: RetentionLimits): Promise<number> {
    for (const id of await answered(() => this.#redis.smembers(this.#keys.trash))) await this.#emptyTrash(id);
    const remains = [...(await this.#finished()), ...(await this.foldersAlone())];
    const sizes = new Map<string, number>();
    for (const { id } of remains) sizes.set(id, await this.#artifacts.size(id));
    const beyond = await this.#beyond(limits, remains, sizes);
    const gone = new Set(beyond);
    await this.#countStorage(
      remains.filter((kept) => kept.hasRecord && !gone.has(kept)),
      sizes,
    );
    for (const { id, hasRecord } of beyond) {
      if (hasRecord) await this.remove(undefined, id);
      else await this.#emptyTrash(id);
    }
    const heaviest = await this.#beyondMemory(limits.redisPercent);
    for (const id of heaviest) await this.remove(undefined, id);
    return beyond.length + heaviest.length;
  }

  /**
   * The oldest finished jobs that must go to bring Redis below the limit. None if all together would not be enough:
   * then others fill it, such as waiting jobs or another program, and removing ours would only lose them.
   */
  async #beyondMemory(percent: number): Promise<string[]> {
    const memory = await this.#jobs.memory();
    if (memory === undefined) return [];
    const excess = memory.used - (percent / 100) * memory.max;
    if (excess <= 0) return [];
    const count = Math.ceil(excess / (await this.#bytesPerJob()));
    const there = await answered(() => this.#redis.zcard(this.#keys.finished));
    if (count <= there) return await answered(() => this.#redis.zrange(this.#keys.finished, 0, count - 1));
    this.#log.warn(
      { used: memory.used, maxmemory: memory.max },
      `Redis uses more than ${percent} % of its maxmemory, and removing every finished job would not change that`,
    );
    return [];
  }

  /** The mean of the oldest finished jobs. */
  async #bytesPerJob(): Promise<number> {
    const ids = await answered(() => this.#redis.zrange(this.#keys.finished, 0, SAMPLE - 1));
    const records = this.#redis.pipeline();
    const events = this.#redis.pipeline();
    for (const id of ids) {
      records.hgetall(this.#keys.job(id));
      events.get(this.#keys.events(id));
    }
    const texts = (await allAnswered(() => records.exec())).flatMap((record) =>
      Object.entries(record as object).flat(),
    );
    // A job that is not packed yet has a stream, which GET refuses.
    const packed = (await answered(() => events.exec()))?.map(
      ([, text]) => (text as string | null)?.length ?? STREAM_BYTES,
    );
    const bytes = [...texts.map((text: string) => text.length), ...(packed ?? [])];
    return JOB_OVERHEAD_BYTES + bytes.reduce((sum, size) => sum + size, 0) / Math.max(1, ids.length);
  }

  /** Notes the bytes of each owner's finished jobs, for his quota. */
  async #countStorage(kept: Remains[], sizes: ReadonlyMap<string, number>): Promise<void> {
    const pipeline = this.#redis.pipeline();
    for (const { id } of kept) pipeline.hget(this.#keys.job(id), 'owner');
    const owners = kept.length === 0 ? [] : await allAnswered(() => pipeline.exec());
    const bytes = new Map<string, number>();
    for (const [i, { id }] of kept.entries()) {
      const owner = owners[i];
      if (typeof owner === 'string') bytes.set(owner, (bytes.get(owner) ?? 0) + sizes.get(id)!);
    }
    const { storage } = this.#keys;
    // In one script, and with the DEL first, so that it runs on a full Redis too: this sweep makes the room.
    await runScript(this.#redis, NOTE_STORAGE, [storage], [...bytes].flat());
  }

  async #finished(): Promise<Remains[]> {
    const list = await answered(() => this.#redis.zrange(this.#keys.finished, 0, -1, 'WITHSCORES'));
    const finished: Remains[] = [];
    for (let i = 0; i < list.length; i += 2) {
      finished.push({ id: list[i], sinceMs: Number(list[i + 1]), hasRecord: true });
    }
    return finished;
  }

  /** The folders without a record. @throws {StoreUnavailableError} */
  async foldersAlone(): Promise<Remains[]> {
    const folders = await this.#artifacts.list();
    if (folders.length === 0) return [];
    const pipeline = this.#redis.pipeline();
    for (const { id } of folders) pipeline.exists(this.#keys.job(id));
    const exist = await allAnswered(() => pipeline.exec());
    return folders
      .filter((_, i) => exist[i] === 0)
      .map(({ id, writtenMs }) => ({ id, sinceMs: writtenMs, hasRecord: false }));
  }

  /** The jobs and folders to remove, oldest first. */
  async #beyond(
    { days, jobs, gigabytes }: RetentionLimits,
    remains: Remains[],
    sizes: ReadonlyMap<string, number>,
  ): Promise<Remains[]> {
    const oldestMs = (await redisTimeMs(this.#redis)) - days * DAY_MS;
    const newestFirst = remains.sort((a, b) => b.sinceMs - a.sinceMs);
    let room = gigabytes * 1e9;
    const beyond: Remains[] = [];
    for (const [i, kept] of newestFirst.entries()) {
      room -= sizes.get(kept.id)!;
      if (i >= jobs || kept.sinceMs <= oldestMs || room < 0) beyond.push(kept);
    }
    return beyond.reverse();
  }

  /** A job is removed once its id is in the trash. If its folder cannot be deleted, the next sweep tries again. */
  async #emptyTrash(id: string): Promise<void> {
    try {
      await this.#artifacts.remove(id);
    } catch (error) {
      this.#log.warn(
        { err: error, job: id },
        'the folder of a removed job could not be deleted; trying again',
      );
      return;
    }
    await answered(() => this.#redis.srem(this.#keys.trash, id));
  }
}
