import type { ReadOutcome } from '../dataset/reading-process.ts';
import type { ApiDeps } from './deps.ts';
import { ProblemError } from './http/problems.ts';

/** Why an upload is refused, and what to do. */

export const tooLarge = (most: number): ProblemError =>
  new ProblemError(
    'payload_too_large',
    `An upload may have at most ${most / 1e6} MB (MAX_DATASET_MB). Send fewer rows or smaller pictures, or ask the operator to raise it.`,
  );

export const tooManyDatasets = (most: number): ProblemError =>
  new ProblemError('quota_exceeded', `You have ${most} datasets, and may have no more. Delete some.`);

/** The process that read it made no dataset. */
export function refusedRead(
  outcome: Exclude<ReadOutcome, { type: 'made' }>,
  { memoryBytes, readMs }: { memoryBytes: number; readMs: number },
): ProblemError {
  switch (outcome.type) {
    case 'refused':
      return new ProblemError('dataset_refused', outcome.message, { places: outcome.places });
    case 'no_room':
      return new ProblemError(
        'datasets_full',
        'The disk of DATA_DIR is full. Delete datasets or finished jobs, or ask the operator for more room.',
      );
    case 'no_memory':
      return new ProblemError(
        'dataset_refused',
        `Reading the file takes more than the ${Math.round(memoryBytes / 1e6)} MB of memory that this server has for it. Upload fewer rows or columns, or ask the operator to run it with more memory.`,
      );
    case 'too_slow':
      return new ProblemError(
        'dataset_refused',
        `Reading the file took longer than ${readMs / 1000} s. Upload fewer rows or columns.`,
      );
  }
}

const MOST_NAMED = 5;

/** full: all datasets together. bytes: what is used. It names the owner's largest datasets. */
export async function noRoom(
  what: 'full' | 'quota_exceeded',
  { datasets, uploadLimits, quotas }: Pick<ApiDeps, 'datasets' | 'uploadLimits' | 'quotas'>,
  { owner, bytes }: { owner: string; bytes: number },
): Promise<ProblemError> {
  const own = (await datasets.list(owner)).toSorted((a, b) => b.bytes - a.bytes).slice(0, MOST_NAMED);
  const cure =
    own.length === 0
      ? 'You have none that you could delete: ask the operator.'
      : `Delete some of yours; the largest are ${own.map(({ name, bytes: size }) => `${name} (${inMegabytes(size)} MB)`).join(', ')}.`;
  return what === 'full'
    ? new ProblemError(
        'datasets_full',
        `The datasets of this server take ${inMegabytes(bytes)} MB, and with this one would take more than ${inMegabytes(uploadLimits.totalBytes)} MB (DATASETS_GB). ${cure}`,
      )
    : new ProblemError(
        'quota_exceeded',
        `Your datasets take ${inMegabytes(bytes)} MB, and with this one would take more than ${inMegabytes(quotas.datasetBytes!)} MB (QUOTA_DATASETS_GB). ${cure}`,
      );
}

const inMegabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0);
