import { z } from 'zod';
import { type StoredDataset, StoredDatasetSchema } from '../contract/dataset.ts';
import type { Redis } from '../redis/connections.ts';
import { json } from './job-record.ts';
import type { Keys } from './keys.ts';
import { redisTimeMs } from './redis-clock.ts';
import { answered, runTransition, unexpected } from './transition-runner.ts';

/** Datasets that people uploaded: who has which, and which rows are still needed. Their files: dataset/uploads.ts. */

/** Of an owner. Each takes some KB of Redis's memory, and all are in one list. */
const MOST_DATASETS = 200;

/** As it is kept, with what the transition knows. */
export interface OwnDataset extends StoredDataset {
  readonly name: string;
  /** Of its files. */
  readonly bytes: number;
  readonly createdMs: number;
}

export interface NewDataset {
  readonly owner: string;
  readonly name: string;
  readonly stored: StoredDataset;
  readonly bytes: number;
  /** Of all owners together. */
  readonly mostBytes: number;
  /** Of this owner; undefined for no limit. */
  readonly quota: number | undefined;
}

export type PutOutcome =
  | { readonly outcome: 'created' | 'same'; readonly createdMs: number }
  | { readonly outcome: 'other' }
  | { readonly outcome: 'too_many'; readonly most: number }
  | { readonly outcome: 'full' | 'quota_exceeded'; readonly bytes: number };

export type DropOutcome =
  /** shared: whether another dataset has the same rows. */
  | { readonly outcome: 'dropped'; readonly sha256: string; readonly shared: boolean }
  /** The first ten of the jobs. */
  | { readonly outcome: 'needed'; readonly jobs: readonly string[] }
  | { readonly outcome: 'not_found' };

/** As put_dataset.lua writes it. */
const TEXT = /^([0-9a-f]{64}) (\d+) (\d+) (.*)$/s;

const StoredTextSchema = json(StoredDatasetSchema);

/** Every method may throw StoreUnavailableError. */
export class Datasets {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** Redis's time in ms. */
  async now(): Promise<number> {
    return await redisTimeMs(this.#redis);
  }

  /** From here on the dataset exists, so its files must be there and on disk. May be repeated. */
  async put({ owner, name, stored, ...put }: NewDataset): Promise<PutOutcome> {
    const answer = await runTransition(this.#redis, this.#keys, 'put_dataset', {
      id: '',
      args: {
        owner,
        name,
        sha256: stored.shape.sha256,
        bytes: put.bytes,
        about: JSON.stringify(stored),
        most_datasets: MOST_DATASETS,
        most_bytes: put.mostBytes,
        quota: put.quota ?? '',
      },
    });
    switch (answer.outcome) {
      case 'created':
      case 'same':
        return { outcome: answer.outcome, createdMs: Number(answer.created_at) };
      case 'other':
        return { outcome: 'other' };
      case 'too_many':
        return { outcome: 'too_many', most: MOST_DATASETS };
      case 'full':
      case 'quota_exceeded':
        return { outcome: answer.outcome, bytes: Number(answer.bytes) };
      default:
        throw unexpected(answer);
    }
  }

  async drop(owner: string, name: string): Promise<DropOutcome> {
    const answer = await runTransition(this.#redis, this.#keys, 'drop_dataset', {
      id: '',
      args: { owner, name },
    });
    switch (answer.outcome) {
      case 'dropped':
        return { outcome: 'dropped', sha256: answer.sha256 ?? '', shared: answer.shared === '1' };
      case 'needed':
        return { outcome: 'needed', jobs: (answer.jobs ?? '').split(' ') };
      case 'not_found':
        return { outcome: 'not_found' };
      default:
        throw unexpected(answer);
    }
  }

  async find(owner: string, name: string): Promise<OwnDataset | undefined> {
    return parsed(name, await answered(() => this.#redis.get(this.#keys.dataset(owner, name))));
  }

  /** All of an owner, in the order of their names. */
  async list(owner: string): Promise<OwnDataset[]> {
    const names = await this.names(owner);
    if (names.length === 0) return [];
    const keys = names.map((name) => this.#keys.dataset(owner, name));
    const texts = await answered(() => this.#redis.mget(keys));
    return names.flatMap((name, i) => parsed(name, texts[i] ?? null) ?? []);
  }

  async names(owner: string): Promise<string[]> {
    const range = [`[${owner}:`, `(${owner};`] as const;
    const members = await answered(() => this.#redis.zrangebylex(this.#keys.datasets, ...range));
    return members.map((member) => member.slice(owner.length + 1));
  }

  /** Bytes of the files of one owner's datasets, and of all. */
  async bytes(owner: string): Promise<{ own: number; all: number }> {
    const used = await answered(() => this.#redis.hgetall(this.#keys.datasetBytes));
    const bytes = z.record(z.string(), z.coerce.number()).parse(used);
    return { own: bytes[owner] ?? 0, all: Object.values(bytes).reduce((sum, size) => sum + size, 0) };
  }

  /** Whether a dataset has the rows with this SHA-256. */
  async needs(sha256: string): Promise<boolean> {
    return (await answered(() => this.#redis.hget(this.#keys.datasetFiles, sha256))) !== null;
  }
}

/** undefined if there is none, or one that another version wrote. */
function parsed(name: string, text: string | null): OwnDataset | undefined {
  const [, , bytes, createdMs, about] = TEXT.exec(text ?? '') ?? [];
  const stored = StoredTextSchema.safeParse(about ?? '');
  if (!stored.success) return undefined;
  return { name, bytes: Number(bytes), createdMs: Number(createdMs), ...stored.data };
}
