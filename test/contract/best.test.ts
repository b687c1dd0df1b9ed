import { describe, expect, it } from 'vitest';
import { bestOf } from '../../src/contract/best.ts';

const row = (epoch: number, val_loss: number | null, val_accuracy: number | null) => ({
  epoch,
  val_loss,
  val_accuracy,
});

describe('the best epochs', () => {
  it('are those with the lowest val_loss and the highest val_accuracy, each on its own', () => {
    expect(bestOf([row(1, 0.5, 0.8), row(2, 0.3, 0.9), row(3, 0.4, 0.95)])).toEqual({
      val_loss: { epoch: 2, value: 0.3 },
      val_accuracy: { epoch: 3, value: 0.95 },
    });
  });

  it('are the first of equal ones', () => {
    expect(bestOf([row(1, 0.3, 0.9), row(2, 0.3, 0.9)])).toEqual({
      val_loss: { epoch: 1, value: 0.3 },
      val_accuracy: { epoch: 1, value: 0.9 },
    });
  });

  it('are none without validation, or without an epoch', () => {
    for (const history of [[], [row(1, null, null)]])
      expect(bestOf(history)).toEqual({ val_loss: null, val_accuracy: null });
  });
});
