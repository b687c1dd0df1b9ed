import type { BestEpochs, JobResult } from './job.ts';
import type { JobSpec } from './job-spec.ts';
import type { EpochMetrics } from './metrics.ts';

type Row = Pick<EpochMetrics, 'epoch' | 'val_loss' | 'val_accuracy' | 'val_mae'>;

/** The epochs with the lowest val_loss, the highest val_accuracy and the lowest val_mae, the first of equal ones. */
export const bestOf = (history: readonly Row[]): BestEpochs => ({
  val_loss: first(history, 'val_loss', -1),
  val_accuracy: first(history, 'val_accuracy', 1),
  val_mae: first(history, 'val_mae', -1),
});

/** The epoch whose weights the model of a job that succeeded has. */
export function modelEpoch(
  { training }: Pick<JobSpec, 'training'>,
  { stopped_epoch, best_epoch }: Pick<JobResult, 'stopped_epoch' | 'best_epoch'>,
): number {
  const restored = training.early_stopping?.restore_best_weights === true ? best_epoch : null;
  return restored ?? stopped_epoch ?? training.epochs;
}

/** sign: 1 if more is better, -1 if less is. */
function first(history: readonly Row[], measure: keyof BestEpochs, sign: 1 | -1): BestEpochs['val_loss'] {
  let best: BestEpochs['val_loss'] = null;
  for (const { epoch, [measure]: value } of history) {
    if (value != null && (best === null || sign * value > sign * best.value)) best = { epoch, value };
  }
  return best;
}
