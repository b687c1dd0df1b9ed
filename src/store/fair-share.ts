import type { Redis } from '../redis/connections.ts';
import type { Keys } from './keys.ts';
import { answered, releasedBy, runTransition } from './transition-runner.ts';

/**
 * What no single job's transition can do for the fair share of the slots: the number of slots, and the release of held
 * deliveries when it grows. transitions/queue.lua describes the rest.
 */
export class FairShare {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** @param slots jobs that all workers can train at a time. @throws {StoreUnavailableError} */
  async setSlots(slots: number): Promise<void> {
    if ((await answered(() => this.#redis.hget(this.#keys.share, 'slots'))) === String(slots)) return;
    await answered(() => this.#redis.hset(this.#keys.share, 'slots', slots));
  }

  /**
   * Releases what each owner's running quota allows by now.
   * @returns the deliveries to enqueue. @throws {StoreUnavailableError}
   */
  async release(): Promise<string[]> {
    const released: string[] = [];
    for (let from = '-'; ; ) {
      const [member] = await answered(() =>
        this.#redis.zrange(this.#keys.held, from, '+', 'BYLEX', 'LIMIT', 0, 1),
      );
      if (member === undefined) return released;
      const owner = member.slice(0, member.indexOf(':'));
      const answer = await runTransition(this.#redis, this.#keys, 'release', { id: '', args: { owner } });
      released.push(...releasedBy(answer));
      // ; follows : in ASCII, so this is behind all members of the owner.
      from = `[${owner};`;
    }
  }
}
