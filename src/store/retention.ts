import type { Log } from '../log.ts';
import type { Redis } from '../redis.ts';
import type { Artifacts } from './artifacts.ts';
import type { JobStore, RemoveOutcome } from './jobs.ts';
import type { Keys } from './keys.ts';
import { answered } from './step-runner.ts';

export interface RetentionLimits {
  days: number;
  jobs: number;
  gigabytes: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Removes finished jobs with everything they left. First the record goes and its id enters the trash, then the
 * folder, then the id leaves the trash: a crash in between is finished by the next sweep.
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

  /** The one way to remove a job. @throws {StoreUnavailableError} */
  async remove(owner: string, id: string): Promise<RemoveOutcome> {
    const outcome = await this.#jobs.remove(owner, id);
    if (outcome.outcome === 'removed') await this.#emptyTrash(id);
    return outcome;
  }

  /**
   * Finishes removals that a crash cut short, then removes the oldest finished jobs beyond the limits.
   * @returns how many jobs it removed.
   * @throws {StoreUnavailableError}
   */
  async sweep(limits: RetentionLimits): Promise<number> {
    for (const id of await answered(() => this.#redis.smembers(this.#keys.trash))) await this.#emptyTrash(id);
    const ids = await this.#beyond(limits);
    for (const id of ids) {
      const record = await this.#jobs.record(id);
      if (record !== undefined) await this.remove(record.owner, id);
    }
    return ids.length;
  }

  /** Ids of the finished jobs to remove, oldest first. */
  async #beyond({ days, jobs, gigabytes }: RetentionLimits): Promise<string[]> {
    const [seconds] = await answered(() => this.#redis.time());
    const oldest = Number(seconds) * 1000 - days * DAY_MS;
    const newestFirst = await answered(() => this.#redis.zrevrange(this.#keys.finished, 0, -1));
    const old = new Set(await answered(() => this.#redis.zrangebyscore(this.#keys.finished, '-inf', oldest)));
    let room = gigabytes * 1e9;
    const beyond: string[] = [];
    for (const [i, id] of newestFirst.entries()) {
      room -= await this.#artifacts.size(id);
      if (i >= jobs || old.has(id) || room < 0) beyond.push(id);
    }
    return beyond.reverse();
  }

  /** The job is removed once its id is in the trash; a folder that cannot be deleted now is tried again. */
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
