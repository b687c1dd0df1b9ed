import { randomUUID } from 'node:crypto';
import type { Progress } from '../src/contract/job.ts';
import type { Delivery } from '../src/store/delivery.ts';
import type { KeptFile } from '../src/store/job-record.ts';
import type { TrainerProcess } from './trainer-process.ts';

/** Why a run ends before its trainer does. */
export type Interruption =
  | 'cancelled'
  | 'timeout'
  | 'lease_lost'
  | 'evicted'
  | 'drained'
  /** At the end of the epoch. */
  | 'paused'
  | 'paused_now';

/** Time that a trainer has to reach its next yield. */
const GRACE_MS = 500;

/** One delivery in this worker from its hand-over on, and how it can be interrupted. */
export class Run {
  readonly id: string;
  readonly delivery: number;
  /** The fence of its start. */
  readonly token: string = randomUUID();
  /** Whether the record has the token. */
  started = false;
  /** When its start was recorded, on the monotonic clock. */
  startedMs = 0;
  progress: Progress | undefined;
  /** The checkpoints that stay after a success, so far. */
  kept: readonly KeptFile[] = [];
  /** Who asked for the job, and the trace id of the request; known from the start on. */
  origin: { owner?: string; trace_id?: string } = {};
  /**
   * The first reason to end early. Later ones still stop the trainer, but replace only a pause, which is the mildest: the
   * job then ends, or goes on elsewhere unless its record says that it pauses.
   */
  interruption: Interruption | undefined;
  readonly done: Promise<void>;
  #trainer: TrainerProcess | undefined;
  #onDone: () => void = () => {};

  constructor({ id, delivery }: Delivery) {
    this.id = id;
    this.delivery = delivery;
    this.done = new Promise((resolve) => {
      this.#onDone = resolve;
    });
  }

  /** What every log line about this run carries. */
  get about(): { job: string; owner?: string; trace_id?: string } {
    return { job: this.id, ...this.origin };
  }

  /** From now on interruptions reach the trainer, including one that came before. */
  attach(trainer: TrainerProcess): void {
    this.#trainer = trainer;
    if (this.interruption !== undefined) this.#act(this.interruption);
  }

  /** From now on the trainer no longer belongs to this run. */
  detach(): void {
    this.#trainer = undefined;
  }

  interrupt(why: Interruption): void {
    const isPausing = this.interruption === 'paused' || this.interruption === 'paused_now';
    if (this.interruption === undefined || (isPausing && why !== 'paused')) this.interruption = why;
    this.#act(why);
  }

  /** Ends the trainer now, whatever it is doing. */
  kill(): void {
    this.#trainer?.kill();
  }

  finish(): void {
    this.#onDone();
  }

  #act(why: Interruption): void {
    switch (why) {
      case 'cancelled':
      case 'paused_now':
        this.#trainer?.send({ type: 'stop' });
        setTimeout(() => this.kill(), GRACE_MS).unref();
        return;
      case 'drained':
      case 'paused':
        this.#trainer?.send({ type: 'drain' });
        return;
      default:
        this.kill();
    }
  }
}

/** The runs of this worker, by job. */
export class Runs {
  readonly #runs = new Map<string, Run>();

  all(): Run[] {
    return [...this.#runs.values()];
  }

  get(id: string): Run | undefined {
    return this.#runs.get(id);
  }

  add(run: Run): void {
    this.#runs.set(run.id, run);
  }

  remove(run: Run): void {
    if (this.#runs.get(run.id) === run) this.#runs.delete(run.id);
    run.finish();
  }

  /** Ends an earlier run of this job and waits until it is gone. */
  async evict(id: string): Promise<void> {
    const run = this.#runs.get(id);
    run?.interrupt('evicted');
    await run?.done;
  }
}
