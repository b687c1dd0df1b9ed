import type { Progress } from '../src/contract/job.ts';
import type { JobSpec } from '../src/contract/job-spec.ts';
import type { EpochMetrics } from '../src/contract/metrics.ts';
import { progressOf } from '../src/contract/progress.ts';
import type { Dataset } from '../src/dataset/prepared.ts';
import { countTrainRows, stepsPerEpoch } from '../src/dataset/row-counts.ts';
import { monotonicMs } from '../src/process/clock.ts';
import type { EpochResult } from '../src/training/epoch-result.ts';

/** Measures time around the training. These measurements never affect its results. */

/** The trainer reads its worker's messages this often. */
const SLICE_MS = 50;
const PROGRESS_MS = 500;

/** Rounds `value` to a multiple of `unit`, for numbers that people read. */
export const roundTo = (unit: 0.1 | 0.001, value: number): number =>
  unit === 0.1 ? Math.round(value * 10) / 10 : Math.round(value * 1000) / 1000;

/** Chooses how much to pull at once so that a pull takes about SLICE_MS. */
export class Slice {
  #size = 1;

  pull<Yield, Return>(
    generator: Generator<Yield, Return, number | undefined>,
  ): IteratorResult<Yield, Return> {
    const startedMs = monotonicMs();
    const next = generator.next(this.#size);
    const tookMs = Math.max(monotonicMs() - startedMs, 0.01);
    this.#size = Math.max(1, Math.min(2 * this.#size, Math.round((this.#size * SLICE_MS) / tookMs)));
    return next;
  }
}

/** Measures speed and progress of the training from outside. */
export class Pace {
  readonly #stepsPerEpoch: number;
  readonly #total: { epochs: number; steps: number };
  readonly #firstStep: number;
  readonly #startedMs = monotonicMs();
  #epoch: number;
  #epochStartedMs = monotonicMs();
  #lastStepMs = monotonicMs();
  #toldMs = monotonicMs();

  /** @param from the epochs and steps that the training goes on from; a fork's parent may have had other batches. */
  constructor({ training }: JobSpec, dataset: Dataset, from: { epoch: number; step: number }) {
    const rows = countTrainRows(dataset.shape.rows.train, training.validation_split);
    this.#stepsPerEpoch = stepsPerEpoch(rows, training.batch_size);
    this.#total = {
      epochs: training.epochs,
      steps: from.step + this.#stepsPerEpoch * (training.epochs - from.epoch),
    };
    this.#epoch = from.epoch;
    this.#firstStep = from.step;
  }

  /** Of an epoch before this training. */
  past({ epoch, step }: EpochMetrics): Progress {
    return progressOf({ epoch, step }, this.#total);
  }

  /** Call it after some steps. Returns the progress when a report is due. */
  step(step: number): Progress | undefined {
    const nowMs = monotonicMs();
    this.#lastStepMs = nowMs;
    if (nowMs - this.#toldMs < PROGRESS_MS) return undefined;
    this.#toldMs = nowMs;
    return this.#progress(step, nowMs);
  }

  /** Call it at the end of an epoch. */
  epoch(result: EpochResult, last: boolean): { metrics: EpochMetrics; progress: Progress } {
    const nowMs = monotonicMs();
    const stepsMs = this.#lastStepMs - this.#epochStartedMs;
    const metrics = {
      ...result,
      duration_seconds: roundTo(0.001, (nowMs - this.#epochStartedMs) / 1000),
      steps_per_second: stepsMs > 0 ? roundTo(0.1, (1000 * this.#stepsPerEpoch) / stepsMs) : 0,
    };
    this.#epoch = result.epoch;
    this.#epochStartedMs = nowMs;
    const progress = this.#progress(result.step, nowMs);
    // Training may stop early: nothing is left of it then.
    return { metrics, progress: last ? { ...progress, fraction: 1, eta_seconds: 0 } : progress };
  }

  /** Extrapolates from this attempt so far, including validation and checkpoints, which the remaining time also has. */
  #progress(step: number, nowMs: number): Progress {
    const msPerStep = (nowMs - this.#startedMs) / (step - this.#firstStep);
    return progressOf({ epoch: this.#epoch, step }, this.#total, msPerStep);
  }
}
