import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { GENERATED_NAMES, generateDataset } from '../../src/dataset/generated.ts';
import type { MadeDataset } from '../../src/dataset/reading/made-dataset.ts';
import { cosineOfTurns, sineOfTurns } from '../../src/dataset/sine.ts';

/** Of the train values, train targets, test values and test targets, as they are in memory. */
function sha256({ train, test }: MadeDataset): string {
  const hash = createHash('sha256');
  for (const { values, targets } of [train, test]) {
    for (const part of [values, targets])
      hash.update(new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
  }
  return hash.digest('hex');
}

/** The same on every machine: a change makes every stored job's data unknown. */
const HASHES: Readonly<Record<string, string>> = {
  moons: 'd14a61ffef6141207f85b3de6c1693a13852fe7606313a46103e0b53bb316509',
  circles: '8e2e3646d1b4cf05eb8b2bb72be8ed399a15ceb289e97f8c97a2f7a3e718ffd2',
  spirals: '87e14721380b4069fb2c50714a1f42e0e5d6b47fab4efb16b8c428784664235e',
  xor: '2c013af7fe6c2ffaf02a1b38d14fc0b9cdc826e62a03f90960ab430a3a0ae8d1',
  blobs: '510b3d5bda2a47f48a21bac69ee212c4507e1945ca1ad455a5eef14dff1e4955',
  sine: 'df5d98052a60defbaecbc2b7edf92881c357fe95c49e3ce9a0566a5e7ccf3ebb',
};

describe.each(GENERATED_NAMES)('%s', (name) => {
  const dataset = generateDataset(name);
  const parts = [dataset.train, dataset.test];

  it('has the same bits everywhere', () => {
    expect(sha256(dataset)).toBe(HASHES[name]);
  });

  it('has 2,000 train and 500 test rows of finite numbers, near the origin', () => {
    expect(parts.map(({ rows }) => rows)).toEqual([2_000, 500]);
    for (const { rows, values, targets } of parts) {
      expect([values.length, targets.length]).toEqual([rows * dataset.inputs, rows]);
      expect(values.every((value) => Math.abs(value) < 3)).toBe(true);
    }
    expect(dataset.columns).toHaveLength(dataset.inputs);
  });

  it('has all classes, or a standardised number', () => {
    for (const { targets, rows } of parts) {
      if (dataset.classes === null) {
        const mean = [...targets].reduce((sum, target) => sum + target, 0) / rows;
        expect(Math.abs(mean)).toBeLessThan(0.1);
      } else {
        const counts = dataset.classes.map((_, k) => targets.filter((target) => target === k).length);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
      }
    }
  });

  it('can be told apart: the nearest train row is of the same class for most', () => {
    const [{ train, test }, width] = [dataset, dataset.inputs];
    let right = 0;
    for (let row = 0; row < test.rows; row += 1) {
      let [best, nearest] = [Infinity, 0];
      for (let other = 0; other < train.rows; other += 1) {
        let distance = 0;
        for (let c = 0; c < width; c += 1) {
          distance += (test.values[row * width + c]! - train.values[other * width + c]!) ** 2;
        }
        if (distance < best) [best, nearest] = [distance, other];
      }
      if (Math.abs(train.targets[nearest]! - test.targets[row]!) < 0.5) right += 1;
    }
    expect(right / test.rows).toBeGreaterThan(0.93);
  });
});

it('sine and cosine are those of the library, up to the errors of both', () => {
  for (let k = -4_000; k <= 4_000; k += 1) {
    const turns = k / 1_237;
    const exact = turns - Math.round(turns);
    expect(Math.abs(sineOfTurns(turns) - Math.sin(2 * Math.PI * exact))).toBeLessThan(1e-15);
    expect(Math.abs(cosineOfTurns(turns) - Math.cos(2 * Math.PI * exact))).toBeLessThan(1e-15);
  }
  [0, 1, 0, -1, 0].forEach((value, quarter) => {
    expect(Math.abs(sineOfTurns(quarter / 4) - value)).toBeLessThan(5e-16);
  });
});
