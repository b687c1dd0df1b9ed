import type { JobSpec } from '../contract/job-spec.ts';
import type { EpochMetrics } from '../contract/metrics.ts';

type Row = Pick<EpochMetrics, 'epoch' | 'loss' | 'accuracy' | 'val_loss' | 'val_accuracy'>;

/**
 * Whether the last of these epochs needs a checkpoint that stays after the job's end, as its `checkpoints` say. It is a
 * function of the history, so that a job that was resumed keeps the same.
 * @param history the rows of epochs 1 .. k, at least one
 * @param isLast whether the training ends with epoch k
 */
export function keepsEpoch({ checkpoints }: JobSpec, history: readonly Row[], isLast: boolean): boolean {
  const { keep, monitor, every } = checkpoints;
  const last = history.at(-1)!;
  const counts = (row: Row) => row.epoch % every === 0 || (isLast && row === last);
  switch (keep) {
    case 'none':
      return false;
    case 'last':
      return isLast;
    case 'all':
      return counts(last);
    case 'best': {
      const sign = monitor.endsWith('accuracy') ? -1 : 1;
      const earlier = history.slice(0, -1).filter(counts);
      return counts(last) && earlier.every((row) => sign * last[monitor]! < sign * row[monitor]!);
    }
  }
}

/**
 * Whether every checkpoint that happens to be written stays in place of the one before: of a job that does not succeed,
 * `last` keeps the newest.
 */
export const keepsNewest = ({ checkpoints }: JobSpec): boolean => checkpoints.keep === 'last';

/** The kept checkpoints with a new one: `best` and `last` keep one alone, and of one epoch only the newest stays. */
export function withKept<Kept extends { epoch: number }>(
  { checkpoints }: JobSpec,
  kept: readonly Kept[],
  added: Kept,
): Kept[] {
  if (checkpoints.keep === 'best' || checkpoints.keep === 'last') return [added];
  return [...kept.filter(({ epoch }) => epoch !== added.epoch), added].sort((a, b) => a.epoch - b.epoch);
}
