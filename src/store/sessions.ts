import { randomBytes } from 'node:crypto';
import type { Redis } from '../redis/connections.ts';
import { sha256 } from './api-key-text.ts';
import type { Keys } from './keys.ts';
import { answered } from './transition-runner.ts';

export const SESSION_SECONDS = 12 * 3600;

const TOKEN_BYTES = 32;

/**
 * The sessions of browsers, each of which stands for an API key. Redis holds the SHA-256 of a session's token and ends
 * it after 12 hours; unlike a signed cookie, a session can be ended earlier, and no dump of Redis contains what would
 * let its reader in.
 */
export class Sessions {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /**
   * @returns the token for the cookie.
   * @throws {StoreUnavailableError}
   */
  async start(keyId: string): Promise<string> {
    const token = randomBytes(TOKEN_BYTES).toString('base64url');
    await answered(() => this.#redis.set(this.#key(token), keyId, 'EX', SESSION_SECONDS));
    return token;
  }

  /**
   * The id of the session's key; undefined when the session has ended.
   * @throws {StoreUnavailableError}
   */
  async keyId(token: string): Promise<string | undefined> {
    return (await answered(() => this.#redis.get(this.#key(token)))) ?? undefined;
  }

  /** @throws {StoreUnavailableError} */
  async end(token: string): Promise<void> {
    await answered(() => this.#redis.del(this.#key(token)));
  }

  #key(token: string): string {
    return this.#keys.session(sha256(token).toString('hex'));
  }
}
