import { utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WorkerReport } from '../src/contract/worker-report.ts';
import { monotonicMs, wallClockMs } from '../src/process/clock.ts';
import type { Log } from '../src/process/log.ts';
import type { JobStore } from '../src/store/jobs.ts';
import type { WorkerReports } from '../src/store/worker-reports.ts';

export interface HeartbeatTiming {
  intervalMs: number;
  /** With free slots and jobs waiting, a worker that fetched nothing for so long is stuck. */
  wedgedMs: number;
  /** Before that it looks whether the queue lost them. */
  idleMs: number;
}

/** A delivery whose worker was killed may wait for 4/3 of a lease before it is handed over again: nothing is stuck then. */
export const heartbeatTiming = (leaseMs: number): HeartbeatTiming => ({
  intervalMs: 5_000,
  wedgedMs: Math.max(30_000, 2 * leaseMs),
  idleMs: 10_000,
});

/** Its age shows a health check whether the worker's event loop and its Redis are alive. */
export const ALIVE_FILE = join(tmpdir(), 'descent-worker.alive');

export interface HeartbeatParts {
  reports: Pick<WorkerReports, 'write' | 'withdraw'>;
  store: Pick<JobStore, 'counts'>;
  log: Log;
  /** The report as of now. */
  report: () => Omit<WorkerReport, 'reported_at'>;
  /** When BullMQ last handed something over. */
  lastFetchMs: () => number;
  /** Called while the worker takes jobs and has free slots, jobs wait, and none was fetched for `idleMs`. */
  onIdle: () => Promise<void>;
  /** Called when the worker takes jobs and has free slots, jobs wait, and none was fetched for `wedgedMs`. */
  onWedged: () => void;
}

/** Reports at intervals that this worker lives and what it does, and notices when it is stuck. */
export class Heartbeat {
  readonly #parts: HeartbeatParts;
  readonly #timing: HeartbeatTiming;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  #stopped = false;
  /** Since when it should have fetched something. */
  #idleSinceMs: number | undefined;
  #lookedMs = monotonicMs();

  constructor(parts: HeartbeatParts, timing: HeartbeatTiming) {
    this.#parts = parts;
    this.#timing = timing;
  }

  start(): void {
    const next = async () => {
      this.#beating = this.#beat().catch((error: unknown) => {
        this.#idleSinceMs = undefined;
        this.#parts.log.warn({ err: error }, 'the worker could not report');
      });
      await this.#beating;
      if (!this.#stopped) this.#timer = setTimeout(() => void next(), this.#timing.intervalMs);
    };
    void next();
  }

  /** Ends the beat and takes the worker off the list. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    // A report on its way would put the worker back on the list.
    await this.#beating;
    await this.#parts.reports.withdraw(this.#parts.report().id);
  }

  async #beat(): Promise<void> {
    const { reports, store, report, lastFetchMs, onIdle, onWedged } = this.#parts;
    await reports.write(report());
    await touch(ALIVE_FILE);
    const { running, concurrency, problem } = report();
    const { queued } = await store.counts();
    const unseenMs = monotonicMs() - this.#lookedMs;
    this.#lookedMs += unseenMs;
    // While Redis was away, or this process stood still, nothing could be handed over.
    const wasAway = unseenMs > this.#timing.wedgedMs / 2;
    const takesNone = problem !== null || running.length >= concurrency;
    if (queued === 0 || takesNone || wasAway) {
      this.#idleSinceMs = undefined;
      return;
    }
    this.#idleSinceMs = Math.max(this.#idleSinceMs ?? monotonicMs(), lastFetchMs());
    const idleMs = monotonicMs() - this.#idleSinceMs;
    if (idleMs > this.#timing.wedgedMs) onWedged();
    else if (idleMs > this.#timing.idleMs) await onIdle();
  }
}

async function touch(file: string): Promise<void> {
  const now = new Date(wallClockMs());
  await utimes(file, now, now).catch(() => writeFile(file, `${hostname()}/${process.pid}\n`));
}
