import { describe, expect, it } from 'vitest';
import { percentile } from '../../bench/percentile.ts';
import { resultsTable } from '../../bench/results.ts';
import type { BenchRow } from '../../bench/run-figures.ts';

const row = (us_per_step: number, peak_gflops: number | null): BenchRow => ({
  framework: 'descent',
  version: 'C',
  variant: 'native',
  threads: '1',
  compile_seconds: 0.1,
  train_seconds: us_per_step / 50,
  evaluate_seconds: 0.03,
  us_per_step,
  mflop_per_step: 4,
  test_accuracy: 0.9765,
  test_loss: 0.1,
  peak_rss_mb: 106,
  date: '2026-11-24T19:34:42Z',
  machine: 'a machine',
  data: 'mnist',
  epochs: 10,
  calibration_ms: 280,
  peak_gflops,
  separate_peak_gflops: peak_gflops,
});

/** The table's only line, by column. */
function lineOf(rows: BenchRow[]): Record<string, string> {
  const [header, , line] = resultsTable(rows)
    .split('\n')
    .filter((text) => text.startsWith('|'))
    .map((text) => text.split('|').map((cell) => cell.trim()));
  return Object.fromEntries(header!.map((name, column) => [name, line![column]]));
}

describe('percentile', () => {
  it('is the middle one of an odd number, and the mean of the middle two of an even number', () => {
    expect(percentile([3, 1, 2], 0.5)).toBe(2);
    expect(percentile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(percentile([7], 0.5)).toBe(7);
  });

  it('reaches from the least to the most, and leaves the values in their order', () => {
    const values = [30, 10, 20];
    expect([0, 0.25, 1].map((share) => percentile(values, share))).toEqual([10, 15, 30]);
    expect(values).toEqual([30, 10, 20]);
  });
});

describe('the table of results', () => {
  it('takes the mean of the middle two of an even number of runs', () => {
    expect(lineOf([row(100, 100), row(200, 100)])).toMatchObject({
      n: '2',
      'us a step': '150',
      'training s (min - max)': '3.00 (2.00 - 4.00)',
    });
  });

  it('holds each run against the peak that was measured beside it', () => {
    // The second run had half of the machine, and so had its peak.
    expect(lineOf([row(100, 100), row(200, 50)])['of float32 peak']).toBe('40 %');
    expect(lineOf([row(100, null)])['of float32 peak']).toBe('');
  });
});
