import type { Job } from '../../../src/client/descent.ts';
import type { PredictOptions } from '../../../src/client/types.ts';

/** Which model of a job is asked: that of an epoch, or its own, or while it trains that of its newest checkpoint. */

/** Checkpoints are some seconds apart. */
export const againMs = ({ terminal }: Job): number | undefined => (terminal ? undefined : 1_000);

export const modelOf = (
  { status }: Pick<Job, 'status'>,
  epoch?: number,
): Pick<PredictOptions, 'checkpoint'> =>
  epoch !== undefined ? { checkpoint: epoch } : status === 'succeeded' ? {} : { checkpoint: 'latest' };
