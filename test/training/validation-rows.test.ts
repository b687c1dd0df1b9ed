import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countTrainRows } from '../../src/dataset/row-counts.ts';
import { newValues } from '../../src/engine/engine.ts';
import { u32 } from '../../src/engine/random.ts';
import { trainingRows } from '../../src/training/training-rows.ts';
import { validationRows } from '../../src/training/validation-rows.ts';
import { imagesOf, loadSmallDataset, runJob, smallSpec } from './small-job.ts';

const targetsOf = (classes: readonly number[]) => Uint16Array.from(classes);
const heldRows = (held: Uint8Array) => [...held.keys()].filter((row) => held[row] === 1);

const choice = (validation: 'last' | 'random' | 'stratified', validation_split = 0.2, seed = 42) => ({
  validation,
  validation_split,
  seed,
});

describe('the rows that are held out', () => {
  it('are the last ones', () => {
    expect(heldRows(validationRows(choice('last', 0.4), targetsOf([0, 1, 0, 1, 0])))).toEqual([3, 4]);
  });

  it('are those with the smallest numbers, worked by hand', () => {
    const numbers = Array.from({ length: 10 }, (_, row) => u32(42, 0x56_41_4c_44, 0, row));
    const smallest = [...numbers.keys()].sort((a, b) => numbers[a]! - numbers[b]!).slice(0, 3);
    const held = heldRows(validationRows(choice('random', 0.3), new Uint16Array(10)));
    expect(held).toEqual(smallest.sort((a, b) => a - b));
  });

  it('are of each class in proportion, and what is left goes to the largest fractions', () => {
    // 7, 2 and 1 rows, of which 3 are held out: 2.1, 0.6 and 0.3.
    const targets = targetsOf([0, 0, 0, 1, 0, 0, 0, 1, 0, 2]);
    const held = heldRows(validationRows(choice('stratified', 0.3), targets));
    expect(held.map((row) => targets[row]).sort()).toEqual([0, 0, 1]);
    // Equal fractions, 0.5 each: the lower class.
    const even = targetsOf([1, 0, 2, 3]);
    expect(heldRows(validationRows(choice('stratified', 0.5), even)).map((row) => even[row])).toEqual([1, 0]);
  });

  it('are as many as Keras counts, of every class a share that differs from its own by less than a row', () => {
    const problem = fc.record({
      classes: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 400 }),
      split: fc.double({ min: 0, max: 0.9, noNaN: true }),
      seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    });
    fc.assert(
      fc.property(problem, ({ classes, split, seed }) => {
        const count = classes.length - countTrainRows(classes.length, split);
        const targets = targetsOf(classes);
        for (const validation of ['last', 'random', 'stratified'] as const) {
          const held = heldRows(validationRows(choice(validation, split, seed), targets));
          expect(held).toHaveLength(count);
          if (validation !== 'stratified') continue;
          for (const c of new Set(classes)) {
            const size = classes.filter((each) => each === c).length;
            const taken = held.filter((row) => targets[row] === c).length;
            expect(Math.abs(taken - (size * count) / classes.length)).toBeLessThan(1);
          }
        }
      }),
    );
  });

  it('depend on the seed, and each row on itself alone', () => {
    const targets = new Uint16Array(1000);
    const held = (seed: number) => heldRows(validationRows(choice('random', 0.2, seed), targets));
    expect(held(1)).toEqual(held(1));
    expect(held(1)).not.toEqual(held(2));
    // One row more holds out at most one other.
    const more = heldRows(validationRows(choice('random', 0.2, 1), new Uint16Array(1001)));
    expect(more.filter((row) => !held(1).includes(row)).length).toBeLessThanOrEqual(2);
  });
});

const dataset = await loadSmallDataset();

describe.each(['random', 'stratified'] as const)('validation: %s', (validation) => {
  const spec = smallSpec({ training: { validation, epochs: 2 } });

  it('gives every row to one of the two, with its values and its target, read from anywhere', () => {
    const { source, count, validation: held, firstValidationRow } = trainingRows(dataset, spec.training);
    expect([count, source.rows, held.rows, firstValidationRow]).toEqual([240, 240, 60, 0]);
    const images = imagesOf(dataset.train);
    const isHeld = validationRows(spec.training, dataset.train.targets);
    const next = { 0: 0, 1: 0 };
    isHeld.forEach((side, row) => {
      const part = side === 1 ? held : source;
      const at = next[side as 0 | 1]++;
      const values = newValues('u8', 784);
      part.readValues(values, at);
      expect(values).toEqual(images.subarray(row * 784, (row + 1) * 784));
      expect(part.targets[at]).toBe(dataset.train.targets[row]);
    });
    const together = newValues('u8', 60 * 784);
    held.readValues(together, 0);
    expect(together.subarray(59 * 784)).toEqual(
      images.subarray(isHeld.lastIndexOf(1) * 784).subarray(0, 784),
    );
  });

  it('gives the same bits in every engine, and another history than the last rows', () => {
    const runs = (['reference', 'wasm', 'native'] as const).map((engine) => {
      const { history, engine: trained } = runJob(smallSpec({ training: spec.training, engine }), dataset);
      return { history, state: trained.state() };
    });
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]).toEqual(runs[0]);
    expect(runs[0]!.history[0]!.val_loss).not.toBe(
      runJob(smallSpec({ training: { epochs: 1 } }), dataset).history[0]!.val_loss,
    );
  });

  it('is chosen once for jobs with the same choice', () => {
    const rows = trainingRows(dataset, spec.training);
    expect(trainingRows(dataset, { ...spec.training, epochs: 9 })).toBe(rows);
    expect(trainingRows(dataset, { ...spec.training, seed: 9 })).not.toBe(rows);
  });
});
