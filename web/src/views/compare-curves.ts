import type { Job, MetricsRow } from '../../../src/client/descent.ts';
import type { Line } from '../charts/line-chart.tsx';
import { type CompareState, coloursOf, type Metric, type X } from './compare-state.ts';

export interface Compared {
  id: string;
  name: string;
  job: Job | undefined;
  rows: readonly MetricsRow[];
}

export const lower = (metric: Metric): boolean => metric.endsWith('loss');

/** Where a row is on the x axis: null where that is not known. */
function placeOf(x: X, row: MetricsRow, job: Job | undefined): number | null {
  if (x !== 'seconds') return row[x];
  if (job?.started_at == null) return null;
  return Math.max(0, (Date.parse(row.created_at) - Date.parse(job.started_at)) / 1000);
}

/** The curves over one x that has the places of all of them; a curve has null where it has no row. */
export function curvesOf(state: CompareState, compared: readonly Compared[]): { x: number[]; lines: Line[] } {
  const colours = coloursOf(state);
  const points = compared.map(
    ({ rows, job }) =>
      new Map(
        rows.flatMap((row) => {
          const place = placeOf(state.x, row, job);
          return place === null || (state.isLogX && place <= 0) ? [] : [[place, row[state.metric]] as const];
        }),
      ),
  );
  const x = [...new Set(points.flatMap((map) => [...map.keys()]))].sort((a, b) => a - b);
  const lines = compared.map(({ id, name }, i) => {
    const { light, dark } = colours.get(id)!;
    return {
      id,
      label: id === state.baseline ? `${name} (baseline)` : name,
      colour: `light-dark(${light}, ${dark})`,
      values: x.map((place) => {
        const value = points[i]!.get(place) ?? null;
        return value !== null && state.isLogY && value <= 0 ? null : value;
      }),
      isDashed: id === state.baseline,
      isHidden: state.hidden.has(id),
    };
  });
  return { x, lines };
}

/** The best or the last value of a measure, with its epoch. */
export function resultOf(
  rows: readonly MetricsRow[],
  metric: Metric,
  of: 'best' | 'last',
): { epoch: number; value: number } | undefined {
  let found: { epoch: number; value: number } | undefined;
  for (const { epoch, [metric]: value } of rows) {
    if (value === null) continue;
    const isBetter =
      found === undefined || of === 'last' || (lower(metric) ? value < found.value : value > found.value);
    if (isBetter) found = { epoch, value };
  }
  return found;
}
