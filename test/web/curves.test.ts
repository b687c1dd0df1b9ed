import type uPlot from 'uplot';
import { describe, expect, it } from 'vitest';
import { logRange, logTicks } from '../../web/src/charts/log-scale.ts';
import { smoothed } from '../../web/src/charts/smoothed.ts';

const CHART = {} as uPlot;

describe('a smoothed curve', () => {
  it('leaves a constant as it is, begins where the curve does, and keeps the gaps', () => {
    expect(smoothed([3, null, 3, 3], 0.9)).toEqual([3, null, expect.closeTo(3, 12), expect.closeTo(3, 12)]);
    expect(smoothed([8, 2], 0.5)).toEqual([8, 4]);
    expect(smoothed([1, 7, 2], 0)).toEqual([1, 7, 2]);
  });
});

describe('a logarithmic axis', () => {
  it('is labelled within less than a decade, one, and many', () => {
    expect(logTicks(CHART, 0, 0.935, 1.01)).toEqual(
      [0.94, 0.96, 0.98, 1].map((tick) => expect.closeTo(tick, 12)),
    );
    expect(logTicks(CHART, 0, 1, 14)).toEqual([1, 2, 5, 10]);
    expect(logTicks(CHART, 0, 2e-6, 3)).toEqual(
      [1e-5, 1e-4, 1e-3, 0.01, 0.1, 1].map((tick) => expect.closeTo(tick, 12)),
    );
  });

  it('ends where the data ends, also before there is any', () => {
    expect(logRange(0)(CHART, 1, 14)).toEqual([1, 14]);
    expect(logRange(0)(CHART, null, null)).toEqual([1, 10]);
    expect(logRange(0)(CHART, 3, 3)).toEqual([2, 4.5]);
  });
});
