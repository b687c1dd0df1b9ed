import { type Redis, subscribeWhile } from '../redis/connections.ts';
import type { Keys } from './keys.ts';

/** message: what was published; null when something may have been missed. */
type Watcher = (message: string | null) => void;

/**
 * Wakes the watchers of a job, or of an owner's jobs, when an event was appended: one subscriber connection per process,
 * one channel for each job and owner that is watched. A signal carries no event; watchers read the stream, so a lost signal only costs time.
 */
export class EventSignals {
  readonly #subscriber: Redis;
  readonly #keys: Keys;
  readonly #watchers = new Map<string, Set<Watcher>>();

  constructor(subscriber: Redis, keys: Keys) {
    this.#subscriber = subscriber;
    this.#keys = keys;
    subscriber.on('message', (channel: string, message: string) => this.#wake(channel, message));
    // Redis does not repeat what was published while the connection was down, so every watcher reads once.
    subscriber.on('ready', () => {
      for (const channel of this.#watchers.keys()) {
        this.#listen(channel);
        this.#wake(channel, null);
      }
    });
  }

  /** @returns a function that ends the watch. Never throws: without Redis, the watcher falls back on its own timer. */
  subscribe(id: string, wake: () => void): () => void {
    return this.#watch(this.#keys.seqChannel(id), wake);
  }

  /** The same for all jobs of an owner. */
  subscribeToFeed(owner: string, wake: () => void): () => void {
    return this.#watch(this.#keys.feed(owner), wake);
  }

  /** The JSON of each batch of logged steps that the job's worker tells. */
  subscribeToSteps(id: string, take: (batch: string) => void): () => void {
    return this.#watch(this.#keys.stepsChannel(id), (message) => {
      if (message !== null) take(message);
    });
  }

  #watch(channel: string, wake: Watcher): () => void {
    const watchers = this.#watchers.get(channel);
    if (watchers !== undefined) {
      watchers.add(wake);
    } else {
      this.#watchers.set(channel, new Set([wake]));
      this.#listen(channel);
    }
    return () => this.#unsubscribe(channel, wake);
  }

  #listen(channel: string): void {
    subscribeWhile(this.#subscriber, channel, () => this.#watchers.has(channel));
  }

  #unsubscribe(channel: string, wake: Watcher): void {
    const watchers = this.#watchers.get(channel);
    if (watchers === undefined || !watchers.delete(wake) || watchers.size > 0) return;
    this.#watchers.delete(channel);
    this.#subscriber.unsubscribe(channel).catch(() => {});
  }

  #wake(channel: string, message: string | null): void {
    for (const wake of this.#watchers.get(channel) ?? []) wake(message);
  }
}
