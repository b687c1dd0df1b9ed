import type { EpochMetrics } from '../contract/metrics.ts';

/** One row of the history without its times: the caller has the clock, the training has none. */
export type EpochResult = Omit<EpochMetrics, 'duration_seconds' | 'steps_per_second'>;
