import type { Parent } from '../contract/job.ts';
import type { JobSpec } from '../contract/job-spec.ts';
import type { StoredModel } from '../serving/model-task.ts';
import type { CheckpointFile } from '../store/job-record.ts';
import type { ApiDeps } from './deps.ts';
import { ProblemError } from './http/problems.ts';

/**
 * Makes the first checkpoint of a job that goes on from one of another.
 * @param checkpoint that of the parent.
 * @returns the file, and the steps of the parent up to there.
 * @throws {ProblemError} no_checkpoint, file_unavailable
 */
export async function firstCheckpoint(
  { models, artifacts }: Pick<ApiDeps, 'models' | 'artifacts'>,
  checkpoint: StoredModel,
  child: { job: string; spec: JobSpec; parent: Parent },
): Promise<{ checkpoint: CheckpointFile; steps: number }> {
  const forked = await models.fork({ parent: checkpoint, child });
  switch (forked.outcome) {
    case 'missing':
      throw new ProblemError(
        'no_checkpoint',
        'The checkpoint is missing or damaged, or another version of the engines wrote it. Fork from another epoch.',
      );
    case 'unwritten':
      await artifacts.remove(child.job).catch(() => {});
      throw new ProblemError(
        'file_unavailable',
        'No job was created, because its first checkpoint could not be written to the disk. /readyz has the reason; retry when it is fixed.',
        { headers: { 'retry-after': '10' } },
      );
    case 'forked':
      return { checkpoint: { ...forked.file, epoch: child.parent.epoch }, steps: forked.steps };
  }
}
