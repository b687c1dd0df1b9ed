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
