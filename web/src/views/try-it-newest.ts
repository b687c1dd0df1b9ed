import type { Job } from '../../../src/client/descent.ts';

/** How models are asked that may still be training. */

/** Checkpoints are some seconds apart. */
export const againMs = ({ terminal }: Job): number | undefined => (terminal ? undefined : 1_000);

/** A job that still trains answers with its newest checkpoint. */
export const newest = (status: Job['status']): { checkpoint?: 'latest' } =>
  status === 'succeeded' ? {} : { checkpoint: 'latest' };
