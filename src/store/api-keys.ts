import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { OwnerSchema, type Role, RoleSchema } from '../contract/access.ts';
import { monotonicMs } from '../process/clock.ts';
import { type Redis, subscribeWhile } from '../redis/connections.ts';
import { type ApiKeyText, makeApiKey } from './api-key-text.ts';
import type { Keys } from './keys.ts';
import { Recent } from './recent.ts';
import { allAnswered, answered, runScript, scriptOf } from './transition-runner.ts';

/** An API key without its secret. Times are milliseconds since the Unix epoch on the clock of Redis. */
export interface ApiKey {
  id: string;
  name: string;
  owner: string;
  role: Role;
  createdMs: number;
  /** To the minute; undefined = never. */
  lastUsedMs: number | undefined;
  /** undefined = never. */
  expiresMs: number | undefined;
  hasExpired: boolean;
}

export type NewApiKey = Pick<ApiKey, 'name' | 'owner' | 'role'> & {
  /** undefined = never. */
  lifetimeMs: number | undefined;
};

const optionalTime = z.union([z.literal('').transform(() => undefined), z.coerce.number()]);

const FieldsSchema = z.object({
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  name: z.string(),
  owner: OwnerSchema,
  role: RoleSchema,
  created_at: z.coerce.number(),
  last_used_at: optionalTime,
  expires_at: optionalTime,
});

const ReadSchema = z.tuple([z.array(z.string()), z.number()]);

/** KEYS: the key's hash. Returns its fields and values in turn, and the time in ms. */
const READ = scriptOf(`
local time = redis.call('TIME')
return { redis.call('HGETALL', KEYS[1]), time[1] * 1000 + math.floor(time[2] / 1000) }
`);

/** KEYS: the hash, the index. ARGV: id, lifetime in ms or '', then the fields. */
const CREATE = scriptOf(`
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local expires = ARGV[2] == '' and '' or now + ARGV[2]
redis.call('HSET', KEYS[1], 'created_at', now, 'last_used_at', '', 'expires_at', expires, unpack(ARGV, 3))
redis.call('ZADD', KEYS[2], now, ARGV[1])
`);

/** Writes the time of use, but never brings a revoked key back. KEYS: the hash. */
const TOUCH = scriptOf(`
local time = redis.call('TIME')
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'last_used_at', time[1] * 1000)
end
`);

/** How long a process believes what it has read. A revoke also sends every process a message. */
const BELIEVED_MS = 10_000;
const MOST_KNOWN = 1_000;
const TOUCH_MS = 60_000;

interface Known {
  key: ApiKey;
  digest: Buffer;
  /** On the monotonic clock. */
  untilMs: number;
}

/** The API keys. Of a key's secret, only its SHA-256 is stored. Every method may throw StoreUnavailableError. */
export class ApiKeys {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #known = new Recent<Known>(MOST_KNOWN);
  readonly #touchedMs = new Recent<number>(MOST_KNOWN);

  /** @param subscriber hears of revoked keys; without one, a revoked key may be believed for another 10 s. */
  constructor(redis: Redis, keys: Keys, subscriber?: Redis) {
    this.#redis = redis;
    this.#keys = keys;
    if (subscriber === undefined) return;
    const channel = keys.revokedKeys;
    const listen = () => {
      // Redis does not repeat what was published while the connection was down.
      this.#known.clear();
      subscribeWhile(subscriber, channel, () => true);
    };
    subscriber.on('ready', listen);
    if (subscriber.status === 'ready') listen();
    subscriber.on('message', (from: string, id: string) => {
      if (from === channel) this.#known.delete(id);
    });
  }

  /** @returns the key, and its text, which is shown to its user once. */
  async create({ name, owner, role, lifetimeMs }: NewApiKey): Promise<{ key: ApiKey; text: string }> {
    const { id, digest, text } = makeApiKey();
    const fields = { digest: digest.toString('hex'), name, owner, role };
    const names = [this.#keys.apiKey(id), this.#keys.apiKeys];
    await runScript(this.#redis, CREATE, names, [id, lifetimeMs ?? '', ...Object.entries(fields).flat()]);
    return { key: (await this.#read(id))!.key, text };
  }

  /** The key with this text; undefined when it is unknown, expired or revoked. */
  async authenticate({ id, digest }: ApiKeyText): Promise<ApiKey | undefined> {
    const known = await this.#find(id);
    // An unknown id takes as long as a wrong secret.
    const isRight = timingSafeEqual(known?.digest ?? Buffer.alloc(digest.length), digest);
    if (known === undefined || !isRight) return undefined;
    this.#touch(id);
    return known.key;
  }

  /** The key with this id, if it is still valid. */
  async valid(id: string): Promise<ApiKey | undefined> {
    return (await this.#find(id))?.key;
  }

  /** All keys, oldest first, expired ones included. */
  async list(): Promise<ApiKey[]> {
    const ids = await answered(() => this.#redis.zrange(this.#keys.apiKeys, 0, -1));
    const read = await Promise.all(ids.map((id) => this.#read(id)));
    return read.flatMap((known) => known?.key ?? []);
  }

  /** @returns whether there was such a key. */
  async revoke(id: string): Promise<boolean> {
    const [removed] = await allAnswered(() =>
      this.#redis
        .multi()
        .del(this.#keys.apiKey(id))
        .zrem(this.#keys.apiKeys, id)
        .publish(this.#keys.revokedKeys, id)
        .exec(),
    );
    this.#known.delete(id);
    return removed === 1;
  }

  async #find(id: string): Promise<Known | undefined> {
    const known = this.#known.get(id);
    if (known !== undefined && monotonicMs() < known.untilMs) return known;
    const read = await this.#read(id);
    if (read === undefined || read.key.hasExpired) return undefined;
    const found = { ...read, untilMs: monotonicMs() + Math.min(BELIEVED_MS, read.leftMs) };
    this.#known.add(id, found);
    return found;
  }

  async #read(id: string): Promise<(Omit<Known, 'untilMs'> & { leftMs: number }) | undefined> {
    const [list, now] = ReadSchema.parse(await runScript(this.#redis, READ, [this.#keys.apiKey(id)], []));
    if (list.length === 0) return undefined;
    const pairs = Array.from({ length: list.length / 2 }, (_, k) => [list[2 * k], list[2 * k + 1]]);
    const fields = FieldsSchema.parse(Object.fromEntries(pairs));
    const { name, owner, role, created_at, last_used_at, expires_at } = fields;
    const leftMs = expires_at === undefined ? Number.POSITIVE_INFINITY : expires_at - now;
    const times = { createdMs: created_at, lastUsedMs: last_used_at, expiresMs: expires_at };
    return {
      key: { id, name, owner, role, ...times, hasExpired: leftMs <= 0 },
      digest: Buffer.from(fields.digest, 'hex'),
      leftMs,
    };
  }

  /** In the background: a request does not wait for it, and does not fail with it. */
  #touch(id: string): void {
    const lastMs = this.#touchedMs.get(id);
    if (lastMs !== undefined && monotonicMs() - lastMs < TOUCH_MS) return;
    this.#touchedMs.add(id, monotonicMs());
    runScript(this.#redis, TOUCH, [this.#keys.apiKey(id)], []).catch(() => {});
  }
}
