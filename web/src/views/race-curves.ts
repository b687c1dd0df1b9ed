import type { Job, MetricsRow } from '../../../src/client/descent.ts';
import type { OPTIMIZER_TYPES } from '../api/names.ts';
import { seriesColour } from '../charts/colours.ts';
import type { Line } from '../charts/line-chart.tsx';
import type { EpochRows } from '../parts/epoch-table.tsx';
import { short } from '../parts/format.ts';
import type { Metric } from './compare-state.ts';

/** The curves of a race: for each optimizer the mean of its seeds so far, between their lowest and highest. */

export interface Lane {
  type: (typeof OPTIMIZER_TYPES)[number];
  jobs: readonly { job: Job; rows: readonly MetricsRow[] }[];
}

export const mean = (values: readonly number[]): number | null =>
  values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;

/** Of a sample: divided by n - 1. */
export function deviation(values: readonly number[]): number | null {
  const middle = mean(values);
  if (middle === null || values.length < 2) return null;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1));
}

/** Each is two lines: a band, and the mean in it. An epoch counts the seeds that have reached it. */
export function raceCurves(lanes: readonly Lane[], metric: Metric): { x: number[]; lines: Line[] } {
  const epochs = Math.max(0, ...lanes.flatMap(({ jobs }) => jobs.map(({ rows }) => rows.at(-1)?.epoch ?? 0)));
  const x = Array.from({ length: epochs }, (_, i) => i + 1);
  const lines = lanes.flatMap(({ type, jobs }, i): Line[] => {
    const at = x.map((epoch) =>
      jobs.flatMap(({ rows }) => {
        const row = rows[epoch - 1];
        // Nearly always, no epoch is missing.
        const value = (row?.epoch === epoch ? row : rows.find((other) => other.epoch === epoch))?.[metric];
        return value == null ? [] : [value];
      }),
    );
    const each = (of: (values: number[]) => number | null) => at.map((values) => of(values));
    const colour = seriesColour(i);
    return [
      {
        id: `${type}-band`,
        label: `${type}, range`,
        colour,
        values: each((values) => (values.length === 0 ? null : Math.max(...values))),
        low: each((values) => (values.length === 0 ? null : Math.min(...values))),
      },
      { id: type, label: `${type}, mean`, colour, values: each(mean) },
    ];
  });
  return { x, lines };
}

/** The lines of a race as numbers: of each optimizer the mean, and from the lowest to the highest. */
export const raceTable = (x: readonly number[], lines: readonly Line[]): EpochRows => ({
  epochs: x,
  columns: lines.flatMap(({ id, values }, i) => {
    const band = lines[i - 1];
    if (band?.low === undefined) return [];
    const range = (row: number) => `${short(band.low?.[row])} to ${short(band.values[row])}`;
    return [{ title: id, at: (row: number) => `${short(values[row])} (${range(row)})` }];
  }),
});
