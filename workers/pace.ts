import type { JobSpec } from '../src/contract/job-spec.ts';
import type { EpochMetrics } from '../src/contract/metrics.ts';
import type { Dataset } from '../src/dataset/prepared.ts';
import { countTrainRows, stepsPerEpoch } from '../src/dataset/row-counts.ts';
import { monotonicMs } from '../src/process/clock.ts';
import type { EpochResult } from '../src/training/fit.ts';

/** Time, measured around the training: what is measured here never decides a bit. */

/** The trainer hears its worker this often. */
const SLICE_MS = 50;
const PROGRESS_MS = 500;

/** `value` to a multiple of `unit`, for numbers that people read. */
export const roundTo = (unit: 0.1 | 0.001, value: number): number =>
  unit === 0.1 ? Math.round(value * 10) / 10 : Math.round(value * 1000) / 1000;

/** How much to pull at once so that a pull takes about SLICE_MS. */
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

/** Measures the training from outside: the numbers that never decide a bit. */
export class Pace {
  readonly #perEpoch: number;
  readonly #steps: number;
  readonly #firstStep: number;
  readonly #startedMs = monotonicMs();
  #epochStartedMs = monotonicMs();
  #lastStepMs = monotonicMs();
  #toldMs = monotonicMs();

  constructor(spec: JobSpec, dataset: Dataset, fromEpoch: number) {
    const rows = countTrainRows(dataset.shape.rows.train, spec.training.validation_split);
    this.#perEpoch = stepsPerEpoch(rows, spec.training.batch_size);
    this.#steps = this.#perEpoch * spec.training.epochs;
    this.#firstStep = this.#perEpoch * fromEpoch;
  }

  /** After some steps; gives what to tell, if it is time to. */
  step(step: number): { step: number; steps_per_second: number; eta_seconds: number } | undefined {
    const nowMs = monotonicMs();
    this.#lastStepMs = nowMs;
    if (nowMs - this.#toldMs < PROGRESS_MS) return undefined;
    this.#toldMs = nowMs;
    const done = step - this.#firstStep;
    const msPerStep = (nowMs - this.#startedMs) / done;
    return {
      step,
      steps_per_second: roundTo(0.1, 1000 / msPerStep),
      eta_seconds: roundTo(0.1, ((this.#steps - step) * msPerStep) / 1000),
    };
  }

  /** At an epoch's end. */
  epoch(result: EpochResult): EpochMetrics {
    const nowMs = monotonicMs();
    const stepsMs = this.#lastStepMs - this.#epochStartedMs;
    const metrics = {
      ...result,
      duration_seconds: roundTo(0.001, (nowMs - this.#epochStartedMs) / 1000),
      steps_per_second: stepsMs > 0 ? roundTo(0.1, (1000 * this.#perEpoch) / stepsMs) : 0,
    };
    this.#epochStartedMs = nowMs;
    return metrics;
  }
}
