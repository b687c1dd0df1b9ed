import type { Redis } from '../redis/connections.ts';
import type { Artifacts } from './artifacts.ts';
import type { CachedResult, ResultRecord } from './job-creation.ts';
import type { JobEvents } from './job-events.ts';
import { UnreadableRecordError } from './job-record.ts';
import type { JobStore } from './jobs.ts';
import { type Keys, resultMember } from './keys.ts';
import { answered } from './transition-runner.ts';

/** What a record needs for that. */
const NEEDED = [
  'engine',
  'latest',
  'result',
  'evaluation',
  'model',
] as const satisfies (keyof ResultRecord)[];

/** The events of a job are read in pages of so many. */
const PAGE = 1000;

/** More would take longer to check than a request may take, and the result is then trained again. */
const MOST_BYTES = 1e9;

/** Of several jobs with a result, so many are tried: one may just be removed, or its files be damaged. */
const MOST_TRIED = 3;

/** Finished jobs by what decided their results. The transitions keep the index. */
export class CachedResults {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #store: Pick<JobStore, 'recordIn'>;
  readonly #events: Pick<JobEvents, 'read'>;
  readonly #artifacts: Artifacts;

  constructor(
    redis: Redis,
    keys: Keys,
    store: Pick<JobStore, 'recordIn'>,
    events: Pick<JobEvents, 'read'>,
    artifacts: Artifacts,
  ) {
    this.#redis = redis;
    this.#keys = keys;
    this.#store = store;
    this.#events = events;
    this.#artifacts = artifacts;
  }

  /**
   * The job whose result a new one would probably get.
   * @throws {StoreUnavailableError}
   */
  async find(owner: string, key: string): Promise<string | undefined> {
    for (const from of await this.#jobs(owner, key)) {
      if ((await this.#read(owner, key, from)) !== undefined) return from;
    }
    return undefined;
  }

  /**
   * Gives the files of a job with this result to a job that does not exist yet. If that is not created, its files must be
   * removed again.
   * @returns undefined when there is no such job, or none with all its files; the new job then has none.
   * @throws {StoreUnavailableError}
   * @throws {StorageUnavailableError} the new job may then have files.
   */
  async take(owner: string, key: string, id: string): Promise<CachedResult | undefined> {
    for (const from of await this.#jobs(owner, key)) {
      const result = await this.#read(owner, key, from);
      if (result === undefined) continue;
      if (await this.#shareFiles(result, id)) return result;
      await this.#artifacts.remove(id);
    }
    return undefined;
  }

  /** A few jobs at most, the oldest first, so that many copies of a result name the job that trained it. */
  async #jobs(owner: string, key: string): Promise<string[]> {
    const start = resultMember(owner, key, '');
    // ; sorts after :, so it ends the range of these members.
    const end = `(${start.slice(0, -1)};`;
    const members = await answered(() =>
      this.#redis.zrangebylex(this.#keys.results, `[${start}`, end, 'LIMIT', 0, MOST_TRIED),
    );
    return members.map((member) => member.slice(start.length));
  }

  async #shareFiles({ from, record }: CachedResult, id: string): Promise<boolean> {
    for (const { name, sha256 } of [
      record.evaluation,
      record.model,
      ...(record.log ? [record.log] : []),
      ...record.kept,
    ]) {
      if (!(await this.#artifacts.share(from, id, { name, sha256 }))) return false;
    }
    return true;
  }

  /** undefined when the job is gone, or lacks what a result needs. */
  async #read(owner: string, key: string, from: string): Promise<CachedResult | undefined> {
    const record = await this.#store.recordIn(owner, from).catch((error: unknown) => {
      if (error instanceof UnreadableRecordError) return undefined;
      throw error;
    });
    if (record === undefined || NEEDED.some((field) => record[field] === undefined)) return undefined;
    if ((await this.#artifacts.size(from)) > MOST_BYTES) return undefined;
    const whole = record as ResultRecord;
    const past = await this.#past(from);
    const epochs = past.filter((event) => event.startsWith('job.epoch '));
    // Redis may have lost some since.
    return epochs.length === whole.latest.epoch ? { from, key, record: whole, past } : undefined;
  }

  async #past(id: string): Promise<string[]> {
    const past: string[] = [];
    for (let after = 0; ; ) {
      const page = await this.#events.read(id, { after, limit: PAGE });
      const events = page.filter(({ type }) => type === 'job.epoch' || type === 'job.verdict');
      past.push(...events.map(({ type, data }) => `${type} ${data}`));
      if (page.length < PAGE) return past;
      after = page.at(-1)!.seq;
    }
  }
}
