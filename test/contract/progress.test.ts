import { describe, expect, it } from 'vitest';
import { ProgressSchema } from '../../src/contract/job.ts';
import { progressOf } from '../../src/contract/progress.ts';

const TOTAL = { epochs: 10, steps: 1000 };

describe('progress', () => {
  it('of a job that has not begun has no pace', () => {
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

  it('tells the time that is left from the pace, and pace and time agree', () => {
    expect(ProgressSchema.parse(progressOf({ epoch: 2, step: 250 }, TOTAL, 4))).toMatchObject({
      epoch: 2,
      fraction: 0.25,
      eta_seconds: 3,
      steps_per_second: 250,
    });
  });

  it('at the end is whole, with no time left', () => {
    expect(progressOf({ epoch: 10, step: 1000 }, TOTAL, 4)).toMatchObject({ fraction: 1, eta_seconds: 0 });
  });
});
