import { utimes, writeFile } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { monotonicMs, wallClockMs } from '../src/process/clock.ts';
import type { Log } from '../src/process/log.ts';
import type { JobStore } from '../src/store/jobs.ts';
import type { UndatedReport, WorkerReports } from '../src/store/worker-reports.ts';

export interface HeartbeatTiming {
  intervalMs: number;
  /** A worker with free slots that fetched nothing for this long while jobs wait is stuck. */
  wedgedMs: number;
  /** After this time it first checks whether the queue lost them. */
  idleMs: number;
}

/** `wedgedMs` exceeds 4/3 of a lease: a killed worker's delivery may wait that long before it is handed over again. */
export const heartbeatTiming = (leaseMs: number): HeartbeatTiming => ({
  // /readyz takes a worker that has not reported for 4 s for gone.
  intervalMs: 1_000,
  wedgedMs: Math.max(30_000, 2 * leaseMs),
  idleMs: 10_000,
});

/** A health check reads the file's age: it shows whether the worker's event loop and its Redis are alive. */
export const ALIVE_FILE = join(tmpdir(), 'descent-worker.alive');

export interface HeartbeatParts {
  reports: Pick<WorkerReports, 'write' | 'withdraw'>;
  store: Pick<JobStore, 'counts'>;
  log: Log;
  /** Builds the current report. */
  report: () => UndatedReport;
  /** When BullMQ last handed over a delivery. */
  lastFetchMs: () => number;
  /** Called when the worker takes jobs and has free slots, jobs wait, and none was fetched for `idleMs`. */
  onIdle: () => Promise<void>;
  /** Called when the worker takes jobs and has free slots, jobs wait, and none was fetched for `wedgedMs`. */
  onWedged: () => void;
}

/** Reports at intervals that this worker is alive and what it does, and notices when it is stuck. */
export class Heartbeat {
  readonly #parts: HeartbeatParts;
  readonly #timing: HeartbeatTiming;
  #timer: NodeJS.Timeout | undefined;
  #beating: Promise<void> | undefined;
  #stopped = false;
  /** Since when it should have fetched a job. */
  #idleSinceMs: number | undefined;
  #lookedMs = monotonicMs();

  constructor(parts: HeartbeatParts, timing: HeartbeatTiming) {
    this.#parts = parts;
    this.#timing = timing;
  }

  /** Resolves when the first beat is over. */
  async start(): Promise<void> {
    const next = async () => {
      this.#beating = this.#beat().catch((error: unknown) => {
        this.#idleSinceMs = undefined;
        this.#parts.log.warn({ err: error }, 'the worker could not report');
      });
      await this.#beating;
      if (!this.#stopped) this.#timer = setTimeout(() => void next(), this.#timing.intervalMs);
    };
    await next();
  }

  /** Ends the beat and takes the worker off the list. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    // A report in flight would put the worker back on the list.
    await this.#beating;
    await this.#parts.reports.withdraw(this.#parts.report().id);
  }

  async #beat(): Promise<void> {
    const { reports, store, report, lastFetchMs, onIdle, onWedged } = this.#parts;
    await reports.write(report());
    await touch(ALIVE_FILE);
    const { running, concurrency, problem } = report();
    const { queued, held } = await store.counts();
    const unseenMs = monotonicMs() - this.#lookedMs;
    this.#lookedMs += unseenMs;
    // While Redis was away or this process was suspended, nothing could be handed over.
    const wasAway = unseenMs > this.#timing.wedgedMs / 2;
    const takesNone = problem !== null || running.length >= concurrency;
    // Held jobs wait for others of their owner, not for this worker.
    if (queued <= held || takesNone || wasAway) {
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
