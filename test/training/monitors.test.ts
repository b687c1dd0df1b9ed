import { describe, expect, it } from 'vitest';
import { EarlyStoppingSchema, ReduceLrOnPlateauSchema } from '../../src/contract/monitors.ts';
import { PlateauWatch, StoppingWatch, type Watched } from '../../src/training/monitors.ts';

/** Rows with these losses of validation; accuracies are their opposites. */
const rowsOf = (losses: readonly number[]): Watched[] =>
  losses.map((loss, k) => ({
    epoch: k + 1,
    loss,
    accuracy: 1 - loss,
    val_loss: loss,
    val_accuracy: 1 - loss,
  }));

/** The epoch after which the training stops, and the best one until then. */
function stop(options: object, losses: readonly number[]): [stopped: number | null, best: number | null] {
  const watch = new StoppingWatch(EarlyStoppingSchema.parse(options), []);
  for (const row of rowsOf(losses)) {
    watch.see(row);
    if (watch.stoppedEpoch !== null) break;
  }
  return [watch.stoppedEpoch, watch.bestEpoch];
}

describe('early_stopping', () => {
  it('stops at once with a patience of 0, but not while it improves', () => {
    expect(stop({}, [5, 4, 3, 3, 1])).toEqual([4, 3]);
    expect(stop({}, [5, 4, 3])).toEqual([null, 3]);
  });

  it('waits for `patience` epochs without an improvement', () => {
    expect(stop({ patience: 2 }, [5, 4, 4.5, 3, 3.5, 3.2, 1])).toEqual([6, 4]);
  });

  it('takes an improvement of min_delta for none: it must be more', () => {
    expect(stop({ min_delta: 0.5 }, [5, 4.5])).toEqual([2, 1]);
    expect(stop({ min_delta: 0.5 }, [5, 4.25, 4])).toEqual([3, 2]);
  });

  it('never stops after the first epoch', () => {
    expect(stop({ baseline: 1 }, [5])).toEqual([null, 1]);
    expect(stop({ baseline: 1 }, [5, 5])).toEqual([2, 1]);
  });

  it('does not stop in an epoch that improves, even beyond the patience; only the baseline resets the wait', () => {
    // Epochs 1 to 3 improve without reaching 1: the wait is 3 then. Epoch 4 does not improve.
    expect(stop({ baseline: 1, patience: 2 }, [5, 4, 3, 3, 0.5])).toEqual([4, 3]);
    // Epoch 4 is below the baseline, so the wait starts again.
    expect(stop({ baseline: 1, patience: 2 }, [5, 4, 3, 0.5, 2, 2, 2])).toEqual([6, 4]);
  });

  it('watches from an epoch on', () => {
    expect(stop({ start_from_epoch: 3 }, [1, 2, 3, 4, 3.5, 3.7])).toEqual([6, 5]);
  });

  it('takes more for better with accuracies and with mode max', () => {
    expect(stop({ monitor: 'val_accuracy' }, [0.5, 0.4, 0.45])).toEqual([3, 2]);
    expect(stop({ mode: 'max' }, [1, 2, 1.5])).toEqual([3, 2]);
    expect(stop({ monitor: 'accuracy', mode: 'min' }, [0.5, 0.6, 0.4])).toEqual([3, 2]);
  });

  it('goes on from a history as if it had seen it', () => {
    const losses = [5, 4, 4.5, 3, 3.5, 3.2, 1];
    const options = EarlyStoppingSchema.parse({ patience: 2 });
    for (let known = 0; known < 6; known += 1) {
      const watch = new StoppingWatch(options, rowsOf(losses.slice(0, known)));
      for (const row of rowsOf(losses).slice(known, 6)) watch.see(row);
      expect([watch.stoppedEpoch, watch.bestEpoch]).toEqual([6, 4]);
    }
  });

  it('does nothing where it is null', () => {
    const watch = new StoppingWatch(null, rowsOf([1, 2, 3]));
    expect([watch.stoppedEpoch, watch.bestEpoch]).toEqual([null, null]);
  });
});

/** The rate after each epoch, from 1 on. */
function reduce(options: object, losses: readonly number[]): number[] {
  const watch = new PlateauWatch(ReduceLrOnPlateauSchema.parse(options), 1, []);
  return rowsOf(losses).map((row) => {
    watch.see(row);
    return watch.rate;
  });
}

describe('reduce_lr_on_plateau', () => {
  it('reduces after `patience` epochs without an improvement, again and again', () => {
    const rates = reduce({ patience: 2, factor: 0.5 }, [5, 4, 4, 4, 4, 4, 3, 3]);
    expect(rates).toEqual([1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25]);
  });

  it('takes less than 0.0001 for no improvement by default', () => {
    expect(reduce({ patience: 1, factor: 0.5 }, [5, 4.99995, 4.9])).toEqual([1, 0.5, 0.5]);
  });

  it('counts nothing during the cooldown', () => {
    // Reduced after epoch 2; the wait starts again in epoch 4, the last of the cooldown.
    expect(reduce({ patience: 1, factor: 0.5, cooldown: 2 }, [5, 5, 5, 5, 5])).toEqual([
      1, 0.5, 0.5, 0.25, 0.25,
    ]);
  });

  it('does not go below min_lr', () => {
    expect(reduce({ patience: 1, factor: 0.5, min_lr: 0.3 }, [5, 5, 5, 5])).toEqual([1, 0.5, 0.3, 0.3]);
  });

  it('goes on from a history as if it had seen it', () => {
    const losses = [5, 4, 4, 4, 4, 4, 3, 3];
    const options = ReduceLrOnPlateauSchema.parse({ patience: 2, factor: 0.5, cooldown: 1 });
    const whole = new PlateauWatch(options, 1, rowsOf(losses));
    for (let known = 0; known < losses.length; known += 1) {
      const watch = new PlateauWatch(options, 1, rowsOf(losses.slice(0, known)));
      for (const row of rowsOf(losses).slice(known)) watch.see(row);
      expect(watch.rate).toBe(whole.rate);
    }
  });
});
