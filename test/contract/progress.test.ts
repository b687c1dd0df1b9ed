import { describe, expect, it } from 'vitest';
import { ProgressSchema } from '../../src/contract/job.ts';
import { progressOf } from '../../src/contract/progress.ts';

const TOTAL = { epochs: 10, steps: 1000 };

describe('progress', () => {
  it('has no speed before the job has started', () => {
    const progress = progressOf({ epoch: 0, step: 0 }, TOTAL);
    expect(ProgressSchema.parse(progress)).toEqual({
      epoch: 0,
      epochs: 10,
      step: 0,
      steps: 1000,
      fraction: 0,
      eta_seconds: null,
      steps_per_second: null,
    });
  });

  it('computes the remaining time from the speed', () => {
    expect(ProgressSchema.parse(progressOf({ epoch: 2, step: 250 }, TOTAL, 4))).toMatchObject({
      epoch: 2,
      fraction: 0.25,
      eta_seconds: 3,
      steps_per_second: 250,
    });
  });

  it('is complete at the end, with no time left', () => {
    expect(progressOf({ epoch: 10, step: 1000 }, TOTAL, 4)).toMatchObject({ fraction: 1, eta_seconds: 0 });
  });
});
