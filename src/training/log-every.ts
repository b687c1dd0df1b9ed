import type { JobSpec } from '../contract/job-spec.ts';

/** Which steps are logged. */

/**
 * By default an epoch has at most so many rows, and not more than each tenth step has one: a step that is measured takes
 * about twice as long, since neither its code nor the buffer of its gradients is in the cache.
 */
const ROWS_PER_EPOCH = 10;
const LEAST_STEPS = 10;
/** And a job so many. */
const USUAL_ROWS = 10_000;
/** A log is read and written as a whole, so that `log_every` may not ask for more. */
export const MOST_LOG_ROWS = 50_000;

/** Every how many steps one is logged by default. steps: of an epoch. */
export const usualLogEvery = ({ epochs }: Pick<JobSpec['training'], 'epochs'>, steps: number): number =>
  Math.max(LEAST_STEPS, Math.ceil(steps / ROWS_PER_EPOCH), Math.ceil((steps * epochs) / USUAL_ROWS));

/** The smallest `log_every` that a job with so many steps may ask for. */
export const leastLogEvery = (steps: number): number => Math.ceil(steps / MOST_LOG_ROWS);
