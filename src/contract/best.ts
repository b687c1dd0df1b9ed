import type { BestEpochs } from './job.ts';
import type { EpochMetrics } from './metrics.ts';

/** The epochs with the lowest val_loss and with the highest val_accuracy, the first of equal ones. */
export function bestOf(
  history: readonly Pick<EpochMetrics, 'epoch' | 'val_loss' | 'val_accuracy'>[],
): BestEpochs {
  const best: BestEpochs = { val_loss: null, val_accuracy: null };
  for (const { epoch, val_loss, val_accuracy } of history) {
    if (val_loss !== null && (best.val_loss === null || val_loss < best.val_loss.value))
      best.val_loss = { epoch, value: val_loss };
    if (val_accuracy !== null && (best.val_accuracy === null || val_accuracy > best.val_accuracy.value))
      best.val_accuracy = { epoch, value: val_accuracy };
  }
  return best;
}
