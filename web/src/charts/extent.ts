import type uPlot from 'uplot';

/** The least and the greatest y of all lines, hidden or not, over the x that is shown; null if there is none. */
export function extentOf({ data, scales }: uPlot): [number | null, number | null] {
  const [xs, ...lines] = data;
  const { min: from = null, max: to = null } = scales.x ?? {};
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < xs.length; i += 1) {
    if ((from !== null && xs[i]! < from) || (to !== null && xs[i]! > to)) continue;
    for (const line of lines) {
      const y = line[i];
      if (y == null) continue;
      low = Math.min(low, y);
      high = Math.max(high, y);
    }
  }
  return low > high ? [null, null] : [low, high];
}

/** @param room what is left free at both ends, as a share of the picture */
export const linearRange =
  (room: number) =>
  (_chart: uPlot, min: number | null, max: number | null): uPlot.Range.MinMax => {
    if (min === null || max === null) return [0, 1];
    const free = min === max ? Math.abs(min) * 0.1 || 1 : (max - min) * room;
    return [min - free, max + free];
  };
