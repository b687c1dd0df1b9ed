import { isTerminal, type JobStatus } from '../contract/job.ts';
import { resolveDataset } from '../dataset/registry.ts';
import type { StoredModel } from '../serving/model-task.ts';
import type { JobRecord } from '../store/job-record.ts';
import type { Scope } from '../store/jobs.ts';
import type { ApiDeps } from './deps.ts';
import { jobNotFound, ProblemError } from './http/problems.ts';

/** What routes need to use a job's files, and why they sometimes cannot. */

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
  return new ProblemError(
    'file_unavailable',
    'The file with this answer is missing or damaged. Ask the operator whether the API and the workers see one DATA_DIR, or train the job again.',
    {
      headers: { 'retry-after': '60' },
      cause: new Error(`${id} has no file ${name} with the hash its record names`),
    },
  );
}

/**
 * The job's model, for the threads that read it.
 * @throws {ProblemError} when the job has none.
 */
export function modelOf(
  id: string,
  record: JobRecord,
  artifacts: Pick<ApiDeps['artifacts'], 'location'>,
): StoredModel {
  const { spec, version, result, status, model: file } = record;
  if (file === undefined) throw notFinished(status, 'model');
  // Older records have only the dataset's name, which still means the same data.
  const data = record.data ?? resolveDataset(spec.dataset);
  const weightsSha256 = result?.weights_sha256 ?? '';
  return { artifacts: artifacts.location, file, job: id, spec, data, weightsSha256, version };
}
