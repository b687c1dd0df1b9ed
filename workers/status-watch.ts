import { isTerminal } from '../src/contract/job.ts';
import type { Log } from '../src/process/log.ts';
import { type Redis, subscribeWhile } from '../src/redis/connections.ts';
import type { JobTransitions } from '../src/store/job-transitions.ts';
import type { Keys } from '../src/store/keys.ts';
import type { Runs } from './run.ts';

const INTERVAL_MS = 1_000;

/**
 * Notices changes that other processes make to the jobs that run here: a cancel, a pause, or another worker taking one over. It
 * polls the record's status; a published signal only makes it faster.
 */
export class StatusWatch {
  readonly #runs: Runs;
  readonly #transitions: JobTransitions;
  readonly #log: Log;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;

  constructor(runs: Runs, transitions: JobTransitions, log: Log) {
    this.#runs = runs;
    this.#transitions = transitions;
    this.#log = log;
  }

  start(subscriber: Redis, keys: Keys): void {
    subscriber.on('message', (_channel: string, id: string) => {
      if (this.#runs.get(id) !== undefined) void this.look();
    });
    // Signals sent while the connection was down are lost.
    const subscribe = () => subscribeWhile(subscriber, keys.signals, () => true);
    subscriber.on('ready', () => {
      subscribe();
      void this.look();
    });
    if (subscriber.status === 'ready') subscribe();
    this.#timer = setInterval(() => void this.look(), INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Reads the status of every job that runs here, one pass at a time: without Redis, a pass waits. */
  look(): Promise<void> {
    this.#looking ??= this.#look()
      .catch((error: unknown) =>
        this.#log.warn({ err: error }, 'the status of the running jobs could not be read'),
      )
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const runs = this.#runs.all().filter((run) => run.started);
    if (runs.length === 0) return;
    const holders = await this.#transitions.holders(runs.map(({ id }) => id));
    for (const [i, run] of runs.entries()) {
      const holder = holders[i];
      if (holder === undefined || isTerminal(holder.status) || holder.token !== run.token) {
        run.interrupt('evicted');
      } else if (holder.status === 'cancelling') {
        run.interrupt('cancelled');
      } else if (holder.status === 'pausing') {
        run.interrupt(holder.pausesNow ? 'paused_now' : 'paused');
      }
    }
  }
}
