import { describe, expect, it } from 'vitest';
import { JobSpecSchema } from '../../src/contract/job-spec.ts';
import { keepsEpoch, keepsNewest, withKept } from '../../src/training/kept-epochs.ts';

const specOf = (checkpoints: object) =>
  JobSpecSchema.parse({ training: { epochs: 5 }, checkpoints: { ...checkpoints } });

/** Epochs 1 to 5. */
const HISTORY = [0.5, 0.3, 0.4, 0.3, 0.2].map((val_loss, i) => ({
  epoch: i + 1,
  loss: 1 / (i + 1),
  accuracy: 0.9,
  val_loss,
  val_accuracy: 1 - val_loss,
}));

const keptEpochs = (checkpoints: object): number[] =>
  HISTORY.map(({ epoch }) => epoch).filter((epoch) =>
    keepsEpoch(specOf(checkpoints), HISTORY.slice(0, epoch), epoch === HISTORY.length),
  );

describe('keepsEpoch', () => {
  it.each<[object, number[]]>([
    [{ keep: 'none' }, []],
    [{}, [5]],
    [{ keep: 'last', every: 2 }, [5]],
    [{ keep: 'all' }, [1, 2, 3, 4, 5]],
    [{ keep: 'all', every: 2 }, [2, 4, 5]],
    // Of equal ones, the first; each improvement replaces the one before.
    [{ keep: 'best' }, [1, 2, 5]],
    [{ keep: 'best', monitor: 'val_accuracy' }, [1, 2, 5]],
    [{ keep: 'best', monitor: 'loss' }, [1, 2, 3, 4, 5]],
    [{ keep: 'best', monitor: 'accuracy' }, [1]],
    // Epochs 3 and 5 alone are looked at.
    [{ keep: 'best', every: 3 }, [3, 5]],
  ])('%j: epochs %j', (checkpoints, epochs) => {
    expect(keptEpochs(checkpoints)).toEqual(epochs);
  });
});

describe('keepsNewest', () => {
  it('is for `last` alone: of the others, those that are written in between are not asked for', () => {
    const keeping = ['none', 'best', 'last', 'all'].filter((keep) => keepsNewest(specOf({ keep })));
    expect(keeping).toEqual(['last']);
  });
});

describe('withKept', () => {
  it('keeps one best or last, and else one of each epoch, in their order', () => {
    const all = specOf({ keep: 'all' });
    for (const keep of ['best', 'last']) {
      expect(withKept(specOf({ keep }), [{ epoch: 1 }], { epoch: 2 })).toEqual([{ epoch: 2 }]);
    }
    const kept = [
      { epoch: 1, name: 'a' },
      { epoch: 3, name: 'b' },
    ];
    expect(withKept(all, kept, { epoch: 2, name: 'c' }).map(({ name }) => name)).toEqual(['a', 'c', 'b']);
    expect(withKept(all, kept, { epoch: 3, name: 'd' }).map(({ name }) => name)).toEqual(['a', 'd']);
  });
});
