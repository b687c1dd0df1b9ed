import { describe, expect, it } from 'vitest';
import { DATASETS } from '../../src/dataset/registry.ts';
import { jobLayout } from '../../src/training/job-engine.ts';
import { jobMemoryBytes } from '../../src/training/job-memory.ts';
import { smallSpec } from './small-job.ts';

describe('the memory of a job', () => {
  const data = DATASETS.mnist_sample.shape;
  const bytesOf = (early_stopping: object | null) =>
    jobMemoryBytes({ spec: smallSpec({ training: { early_stopping } as object }), data });

  it('has room for the best weights twice, if it restores them', () => {
    const { parameters } = jobLayout({ spec: smallSpec(), data });
    expect(bytesOf({})).toBe(bytesOf(null));
    expect(bytesOf({ restore_best_weights: true })).toBe(bytesOf(null) + 2 * 4 * parameters);
  });
});
