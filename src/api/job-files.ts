import { modelEpoch } from '../contract/best.ts';
import { isTerminal, type JobStatus } from '../contract/job.ts';
import { resolveDataset } from '../dataset/registry.ts';
import type { PredictTask, StoredModel } from '../serving/model-task.ts';
import type { CheckpointFile, JobFile, JobRecord } from '../store/job-record.ts';
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
 * The job's final model, for the threads that read it.
 * @throws {ProblemError} when the job has none.
 */
export function modelOf(id: string, record: JobRecord, artifacts: Location): StoredModel {
  const { status, model: file } = record;
  if (file === undefined) throw notFinished(status, 'model');
  return modelIn(file, id, record, artifacts);
}

/**
 * The job's newest model: of its newest checkpoint that is not among the unread, or its final one when it has ended.
 * unread: SHA-256 of the checkpoints that could not be read.
 * @returns undefined when no checkpoint is left.
 * @throws {ProblemError} when the job has ended without a model.
 */
export function latestModelOf(
  id: string,
  record: JobRecord,
  artifacts: Location,
  unread: ReadonlySet<string>,
): Asked | undefined {
  if (isTerminal(record.status)) return { kind: 'final', model: modelOf(id, record, artifacts) };
  const file = record.checkpoint.find(({ sha256 }) => !unread.has(sha256));
  if (file === undefined) return undefined;
  const { name, sha256 } = file;
  return { kind: 'so_far', model: modelIn({ name, sha256 }, id, record, artifacts) };
}

/**
 * The model after an epoch, of a checkpoint that the job has.
 * @throws {ProblemError} no_checkpoint
 */
export function epochModelOf(id: string, record: JobRecord, artifacts: Location, epoch: number): Asked {
  const { name, sha256 } = checkpointOf(record, epoch);
  return {
    kind: 'epoch',
    model: modelIn({ name, sha256 }, id, record, artifacts),
    ...(record.model !== undefined && { finalFile: record.model }),
  };
}

/**
 * The checkpoint of an epoch, or the newest one: of those that the job keeps, and of those that it would resume from.
 * @throws {ProblemError} no_checkpoint
 */
export function checkpointOf(
  { kept, checkpoint, status }: JobRecord,
  epoch: number | undefined,
): CheckpointFile {
  const all = [...kept, ...checkpoint].sort((a, b) => b.epoch - a.epoch);
  const found = epoch === undefined ? all[0] : all.find((file) => file.epoch === epoch);
  if (found !== undefined) return found;
  const epochs = [...new Set(all.map((file) => file.epoch))].reverse();
  throw new ProblemError(
    'no_checkpoint',
    epochs.length > 0
      ? `The job has no checkpoint of epoch ${epoch}. It has: ${epochs.join(', ')}.`
      : `The job is ${status} and has no checkpoint. Jobs keep those that \`checkpoints\` of their spec asks for, and the first is written at the end of an epoch, after two seconds of training or more; train it again with another \`keep\`, or longer.`,
  );
}

type Location = Pick<ApiDeps['artifacts'], 'location'>;
type Asked = Pick<PredictTask, 'model' | 'kind' | 'finalFile'>;

export function modelIn(file: JobFile, id: string, record: JobRecord, artifacts: Location): StoredModel {
  const { spec, version, result, parent } = record;
  // Older records have only the dataset's name, which still means the same data.
  const data = record.data ?? resolveDataset(spec.dataset);
  const weightsSha256 = result?.weights_sha256 ?? '';
  const epoch = modelEpoch(spec, result ?? {});
  return {
    ...{ artifacts: artifacts.location, file, job: id, spec, data, weightsSha256, epoch, version },
    ...(parent !== undefined && { parent }),
  };
}
