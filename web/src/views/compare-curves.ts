import type { Job, MetricsRow } from '../../../src/client/descent.ts';
import type { Line } from '../charts/line-chart.tsx';
import { type CompareState, coloursOf, type Metric, type X } from './compare-state.ts';

export interface Compared {
  id: string;
  name: string;
  job: Job | undefined;
  rows: readonly MetricsRow[];
}

export const lower = (metric: Metric): boolean => !metric.endsWith('accuracy');

/** Where a row is on the x axis: null where that is not known. */
function placeOf(x: X, row: MetricsRow, job: Job | undefined): number | null {
  if (x !== 'seconds') return row[x];
  if (job?.started_at == null) return null;
  return Math.max(0, (Date.parse(row.created_at) - Date.parse(job.started_at)) / 1000);
}

/** A curve by itself: places in ascending order, and the value at each. */
interface Points {
  places: readonly number[];
  values: readonly (number | null)[];
}

/** Only the jobs that train get new rows; the points of the others are kept, for each way to look at them. */
const kept = new WeakMap<readonly MetricsRow[], Map<string, Points>>();

function pointsOf({ x, metric, isLogX, isLogY }: CompareState, { rows, job }: Compared): Points {
  const look = [x, metric, isLogX, isLogY, job?.started_at].join();
  const looks = kept.get(rows) ?? new Map<string, Points>();
  kept.set(rows, looks);
  let points = looks.get(look);
  if (points === undefined) {
    const at = new Map<number, number | null>();
    for (const row of rows) {
      const place = placeOf(x, row, job);
      const value = row[metric] ?? null;
      if (place === null || (isLogX && place <= 0)) continue;
      at.set(place, value !== null && isLogY && value <= 0 ? null : value);
    }
    const places = [...at.keys()].sort((one, other) => one - other);
    points = { places, values: places.map((place) => at.get(place)!) };
    looks.set(look, points);
  }
  return points;
}

/** All places of some curves, in ascending order. */
function union(curves: readonly Points[]): number[] {
  const longestFirst = curves.map(({ places }) => places).sort((a, b) => b.length - a.length);
  let all: readonly number[] = longestFirst[0] ?? [];
  for (const places of longestFirst.slice(1)) {
    let i = 0;
    // Nearly always, all places of a curve are among those of the longest.
    const isNew = places.some((place) => {
      while (i < all.length && all[i]! < place) i += 1;
      return all[i] !== place;
    });
    if (isNew) all = [...new Set([...all, ...places])].sort((a, b) => a - b);
  }
  return [...all];
}

/** The values of a curve at all places; null where it has none. */
function spread({ places, values }: Points, x: readonly number[]): (number | null)[] {
  let i = 0;
  return x.map((place) => (places[i] === place ? values[i++]! : null));
}

/** The curves over one x that has the places of all of them; a curve has null where it has no row. */
export function curvesOf(state: CompareState, compared: readonly Compared[]): { x: number[]; lines: Line[] } {
  const colours = coloursOf(state);
  const curves = compared.map((one) => pointsOf(state, one));
  const x = union(curves);
  const lines = compared.map(({ id, name }, i) => {
    const { light, dark } = colours.get(id)!;
    return {
      id,
      label: id === state.baseline ? `${name} (baseline)` : name,
      colour: `light-dark(${light}, ${dark})`,
      values: spread(curves[i]!, x),
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
    if (value == null) continue;
    const isBetter =
      found === undefined || of === 'last' || (lower(metric) ? value < found.value : value > found.value);
    if (isBetter) found = { epoch, value };
  }
  return found;
}
