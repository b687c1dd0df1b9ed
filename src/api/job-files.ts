import { isTerminal, type JobStatus } from '../contract/job.ts';
import type { Scope } from '../store/jobs.ts';
import type { ApiDeps } from './deps.ts';
import { jobNotFound, ProblemError } from './http/problems.ts';

/** Why a job's file cannot be sent. */

const WHEN = {
  evaluation: 'It is evaluated after its last epoch',
  model: 'Its model is kept after its last epoch',
} as const;

/** The job has no such file: not yet, or never. */
export function notFinished(status: JobStatus, what: keyof typeof WHEN): ProblemError {
  return isTerminal(status)
    ? new ProblemError(
        'not_found',
        `The job ${status === 'cancelled' ? 'was' : 'has'} ${status}, so it has no ${what}.`,
      )
    : new ProblemError(
        'not_available_yet',
        `The job is ${status}. ${WHEN[what]}; retry when it has succeeded.`,
      );
}

/** The job was removed a moment ago, or its file is missing or damaged. */
export async function missingFile(
  store: Pick<ApiDeps['store'], 'head'>,
  scope: Scope,
  id: string,
  name: string,
): Promise<Error> {
  if ((await store.head(scope, id)) === undefined) return jobNotFound();
  return new Error(
    `${id} has no file ${name} with the hash its record names: do the workers and the API see one DATA_DIR?`,
  );
}
