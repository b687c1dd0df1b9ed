import type { JobRecord } from '../store/job-record.ts';
import type { Scope } from '../store/jobs.ts';
import { ContainerError } from '../training/container.ts';
import { decodeLog, EMPTY_LOG, type TrainingLog } from '../training/training-log.ts';
import type { ApiDeps } from './deps.ts';
import { jobNotFound } from './http/problems.ts';
import { missingFile } from './job-files.ts';

/** The training logs of jobs: what single steps measured, and what the doctor says. */

/** A log is replaced with each checkpoint, so the one that a record names may be gone a moment later. */
const TRIES = 3;

type Deps = Pick<ApiDeps, 'store' | 'artifacts'>;

/**
 * @returns the record, and its log if the caller does not have it already.
 * isKnown: told the ETag of the log; true = the caller has that.
 * @throws {ProblemError} job_not_found, file_unavailable
 */
export async function readLog(
  { store, artifacts }: Deps,
  scope: Scope,
  id: string,
  isKnown: (etag: string) => boolean,
): Promise<{ record: JobRecord; log: TrainingLog } | undefined> {
  for (let tries = 1; ; tries += 1) {
    const record = await store.recordIn(scope, id);
    if (record === undefined) throw jobNotFound();
    const { log: file, status } = record;
    if (isKnown(`${file?.sha256.slice(0, 32) ?? 'none'}.${status}`)) return undefined;
    if (file === undefined) return { record, log: EMPTY_LOG };
    const bytes = await artifacts.read(id, file);
    const log = bytes === undefined ? undefined : decoded(bytes);
    if (log !== undefined) return { record, log };
    if (tries === TRIES) throw await missingFile(store, scope, id, file.name);
  }
}

/** Its hash is right, so one that cannot be read was written by another version. */
function decoded(bytes: Uint8Array): TrainingLog | undefined {
  try {
    return decodeLog(bytes);
  } catch (error) {
    if (error instanceof ContainerError) return undefined;
    throw error;
  }
}
