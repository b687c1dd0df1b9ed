import { setTimeout as sleep } from 'node:timers/promises';
import { type Job, type RedisQueueBackend, Worker, type WorkerOptions } from 'bullmq';
import { QUEUE_NAME } from '../src/queue/training-queue.ts';

/** After a refusal. A refusal comes back within a millisecond, and Redis will hardly have changed its mind by then. */
const PAUSE_MS = 1_000;

export interface DeliveryLoopOptions extends WorkerOptions {
  concurrency: number;
  /** Never throws. A delivery is done with when it returns. */
  handle: (job: Job, lockToken: string) => Promise<void>;
  /** Called once for each trouble in a row; nothing to do but to tell. */
  onTrouble: (error: Error) => void;
}

/**
 * Takes deliveries from BullMQ, one after another while there is room. The loop is ours because BullMQ's own asks again
 * at once when Redis refuses it (a right is missing, memory is full, the server is a replica): it takes a core, grows
 * without end, and starves every timer of the process. This one waits.
 */
export class DeliveryLoop {
  readonly #worker: Worker<unknown, unknown, string, RedisQueueBackend>;
  readonly #options: DeliveryLoopOptions;
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();
  #loop: Promise<void> | undefined;
  #fetches = 0;
  /** Whether something went wrong since the last fetch began. */
  #inTrouble = false;
  /** What was told since a fetch went well: several refusals may take turns. */
  readonly #told = new Set<string>();

  constructor(options: DeliveryLoopOptions) {
    this.#options = options;
    // Without a processor it fetches only when it is asked to.
    this.#worker = new Worker(QUEUE_NAME, null, { ...options, autorun: false });
    // BullMQ reports here what its blocking fetch and its check of stalled deliveries met; both wait by themselves.
    this.#worker.on('error', (error) => this.#note(error));
  }

  start(): void {
    void this.#worker.startStalledCheckTimer();
    this.#loop = this.#takeAll();
  }

  /** Takes no more, and waits for the deliveries that were taken. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#worker
      .getBackend()
      .disconnectBlocking(false)
      .catch(() => {});
    await this.#loop;
    await Promise.all(this.#running);
    await this.#worker.close();
  }

  async #takeAll(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      if (this.#running.size >= this.#options.concurrency) {
        await Promise.race(this.#running);
        continue;
      }
      this.#inTrouble = false;
      const token = `${this.#worker.id}:${this.#fetches++}`;
      const job = await this.#worker.getNextJob(token, { block: true }).catch((error: Error) => {
        this.#note(error);
      });
      if (job !== undefined) {
        const running = this.#handle(job, token).finally(() => this.#running.delete(running));
        this.#running.add(running);
      } else if (this.#inTrouble) {
        await sleep(PAUSE_MS, undefined, { signal: this.#stop.signal }).catch(() => {});
      } else {
        this.#told.clear();
      }
    }
  }

  /** What cannot be moved to its end now is handed over once more when its lock has lapsed, and dropped then. */
  async #handle(job: Job, token: string): Promise<void> {
    try {
      await this.#options.handle(job, token);
      await job.moveToCompleted(undefined, token, false);
    } catch (error) {
      this.#note(error as Error);
    }
  }

  #note(error: Error): void {
    this.#inTrouble = true;
    if (this.#stop.signal.aborted || this.#told.has(error.message)) return;
    this.#told.add(error.message);
    this.#options.onTrouble(error);
  }
}
