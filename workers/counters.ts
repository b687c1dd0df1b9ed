import type { WorkerReport } from '../src/contract/worker-report.ts';

export type Counters = WorkerReport['counters'];

/** A worker's counts since its start. */
export const newCounters = (): Counters => ({
  jobs_started: 0,
  jobs_succeeded: 0,
  jobs_failed: 0,
  jobs_cancelled: 0,
  jobs_requeued: 0,
  trainers_crashed: 0,
  leases_lost: 0,
  epochs: 0,
});

type Engine = WorkerReport['trained'][number]['engine'];

/** What each engine has computed since the worker started. */
export class Trained {
  readonly #byEngine = new Map<Engine, { epochs: number; steps: number }>();

  /** @param steps may be negative: a resumed job begins behind the progress in its record. */
  add(engine: Engine, { epochs, steps }: { epochs: number; steps: number }): void {
    const sum = this.#byEngine.get(engine) ?? { epochs: 0, steps: 0 };
    this.#byEngine.set(engine, { epochs: sum.epochs + epochs, steps: sum.steps + Math.max(0, steps) });
  }

  report(): WorkerReport['trained'] {
    return [...this.#byEngine].map(([engine, sums]) => ({ engine, ...sums }));
  }
}
