import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { DataShapeSchema } from '../../src/contract/data-shape.ts';
import { BUILT_IN_DATASETS } from '../../src/contract/job-spec.ts';
import { datasetProblem } from '../../src/dataset/availability.ts';
import { contentSha256 } from '../../src/dataset/content.ts';
import { DATASETS, resolveDataset } from '../../src/dataset/registry.ts';
import { loadContent } from '../../src/dataset/sources.ts';

const dataDir = mkdtempSync(join(tmpdir(), 'descent-'));
afterAll(() => rmSync(dataDir, { recursive: true }));

describe.each(BUILT_IN_DATASETS)('%s', async (name) => {
  const shape = resolveDataset(name);
  const problem = await datasetProblem(DATASETS[name], dataDir);

  it('stands for a valid data shape with its own name', () => {
    expect(DataShapeSchema.parse(shape)).toEqual(shape);
    expect(shape.dataset).toBe(name);
  });

  it.skipIf(problem !== null)(
    'has content that matches its SHA-256, which covers every value, every target and the shape',
    async () => {
      const content = await loadContent(shape, dataDir);
      const { train, test } = content;
      expect([train.values.length, test.values.length]).toEqual([
        shape.rows.train * shape.inputs,
        shape.rows.test * shape.inputs,
      ]);
      expect(contentSha256(shape, content)).toBe(shape.sha256);
      expect(contentSha256({ ...shape, dataset: 'other', sha256: '' }, content)).toBe(shape.sha256);
      for (const part of [train.values, train.targets, test.values, test.targets]) {
        const last = part.length - 1;
        part[last] ^= 1;
        expect(contentSha256(shape, content)).not.toBe(shape.sha256);
        part[last] ^= 1;
      }
      const image = { height: 14, width: 56, channels: 1 };
      expect(contentSha256({ ...shape, image }, content)).not.toBe(shape.sha256);
      const other =
        shape.classes === null
          ? { ...shape, target: { ...shape.target!, mean: 5 } }
          : { ...shape, classes: shape.classes.toReversed() };
      expect(contentSha256(other, content)).not.toBe(shape.sha256);
    },
  );
});

it('gives no two names the same content', () => {
  const hashes = Object.values(DATASETS).map(({ shape }) => shape.sha256);
  expect(new Set(hashes).size).toBe(hashes.length);
});
