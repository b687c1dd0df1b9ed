import type { Job } from '../../../src/client/descent.ts';
import { jobOf } from '../api/jobs.ts';

/** What jobs are called, also those that nobody named. */

type Named = Pick<Job, 'id' | 'spec'>;

/** Enough of an id to tell jobs apart. */
export const tailOf = (id: string): string => id.slice(-8);

export const titleOf = ({ spec }: Named): string => spec.name ?? `${spec.optimizer.type} on ${spec.dataset}`;

/** Not the same for two jobs that nobody named. */
export const nameOf = (job: Named): string => job.spec.name ?? `${titleOf(job)} ${tailOf(job.id)}`;

/** The same while the job is unknown or gone. */
export function nameById(id: string): string {
  const job = jobOf(id).value;
  return typeof job === 'object' ? nameOf(job) : tailOf(id);
}
