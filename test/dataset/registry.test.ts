import { describe, expect, it } from 'vitest';
import { DataShapeSchema } from '../../src/contract/data-shape.ts';
import { DatasetNameSchema } from '../../src/contract/job-spec.ts';
import { contentSha256 } from '../../src/dataset/content.ts';
import { DATASETS, resolveDataset } from '../../src/dataset/registry.ts';
import { loadContent } from '../../src/dataset/sources.ts';

describe.each(DatasetNameSchema.options)('%s', (name) => {
  const shape = resolveDataset(name);

  it('stands for a valid data shape with its own name', () => {
    expect(DataShapeSchema.parse(shape)).toEqual(shape);
    expect(shape.dataset).toBe(name);
  });

  it('has content that matches its SHA-256, which covers every value, every label and the shape', async () => {
    const content = await loadContent(shape);
    const { train, test } = content;
    expect([train.values.length, test.values.length]).toEqual([
      shape.rows.train * shape.inputs,
      shape.rows.test * shape.inputs,
    ]);
    expect(contentSha256(shape, content)).toBe(shape.sha256);
    expect(contentSha256({ ...shape, dataset: 'other', sha256: '' }, content)).toBe(shape.sha256);
    for (const part of [train.values, train.labels, test.values, test.labels]) {
      const last = part.length - 1;
      part[last] ^= 1;
      expect(contentSha256(shape, content)).not.toBe(shape.sha256);
      part[last] ^= 1;
    }
    const image = { ...shape.image, height: 14, width: 56 };
    expect(contentSha256({ ...shape, image }, content)).not.toBe(shape.sha256);
    expect(contentSha256({ ...shape, classes: shape.classes.toReversed() }, content)).not.toBe(shape.sha256);
  });
});

it('gives no two names the same content', () => {
  const hashes = Object.values(DATASETS).map(({ shape }) => shape.sha256);
  expect(new Set(hashes).size).toBe(hashes.length);
});
