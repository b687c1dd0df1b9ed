import type { DataShape } from '../contract/data-shape.ts';
import type { JobSpec } from '../contract/job-spec.ts';
import type { WorkerReport } from '../contract/worker-report.ts';
import { jobMemoryBytes } from '../training/job-memory.ts';
import { ProblemError } from './http/problems.ts';
import type { Remembered } from './remembered.ts';

const MIB = 1024 * 1024;

/**
 * The problem with a job that is too large for every live worker; undefined if one can take it, or none is live.
 * @throws {StoreUnavailableError}
 */
export async function memoryRefusal(
  spec: JobSpec,
  data: DataShape,
  workers: Remembered<WorkerReport[]>,
): Promise<ProblemError | undefined> {
  const known = (await workers.get()).map(({ memory_mb }) => memory_mb ?? Number.POSITIVE_INFINITY);
  const mostMb = Math.max(...known);
  const neededMb = Math.ceil(jobMemoryBytes({ spec, data }) / MIB);
  if (known.length === 0 || neededMb <= mostMb) return undefined;
  return new ProblemError(
    'job_too_large',
    `This job needs about ${neededMb} MB of memory, and a job may take at most ${mostMb} MB on any live worker (WORKER_MEMORY_MB). Make the model or batch_size smaller, or ask the operator for a larger worker.`,
  );
}
