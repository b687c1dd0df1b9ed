import { describe, expect, it } from 'vitest';
import { bestOf } from '../../src/contract/best.ts';

const row = (
  epoch: number,
  val_loss: number | null,
  val_accuracy: number | null,
  val_mae: number | null = null,
) => ({ epoch, val_loss, val_accuracy, val_mae });

describe('the best epochs', () => {
  it('are those with the lowest val_loss, the highest val_accuracy and the lowest val_mae, each on its own', () => {
    expect(bestOf([row(1, 0.5, 0.8), row(2, 0.3, 0.9), row(3, 0.4, 0.95)])).toEqual({
      val_loss: { epoch: 2, value: 0.3 },
      val_accuracy: { epoch: 3, value: 0.95 },
      val_mae: null,
    });
    expect(bestOf([row(1, 0.5, null, 8), row(2, 0.3, null, 7), row(3, 0.4, null, 6)])).toEqual({
      val_loss: { epoch: 2, value: 0.3 },
      val_accuracy: null,
      val_mae: { epoch: 3, value: 6 },
    });
  });

  it('are the first of equal ones', () => {
    expect(bestOf([row(1, 0.3, 0.9, 2), row(2, 0.3, 0.9, 2)])).toEqual({
      val_loss: { epoch: 1, value: 0.3 },
      val_accuracy: { epoch: 1, value: 0.9 },
      val_mae: { epoch: 1, value: 2 },
    });
  });

  it('are none without validation, or without an epoch, or in rows of older versions', () => {
    const older = { epoch: 1, val_loss: null, val_accuracy: null };
    for (const history of [[], [row(1, null, null)], [older]])
      expect(bestOf(history)).toEqual({ val_loss: null, val_accuracy: null, val_mae: null });
  });
});
