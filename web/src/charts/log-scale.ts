import type uPlot from 'uplot';

/** Logarithmic scales that end where the data ends, and are labelled also where no power of ten is. */

/** @param room what is left free at both ends, as a share of the picture */
export const logRange =
  (room: number) =>
  (_chart: uPlot, min: number | null, max: number | null): uPlot.Range.MinMax => {
    if (min === null || max === null || !(min > 0)) return [1, 10];
    if (min === max) return [min / 1.5, max * 1.5];
    const factor = (max / min) ** room;
    return [min / factor, max * factor];
  };

/** 1, 2, 5, 10, ...; steps of one size where the range is less than a decade; powers of ten where it is many. */
export function logTicks(_chart: uPlot, _axis: number, min: number, max: number): number[] {
  if (max / min < 10) {
    const least = (max - min) / 6;
    const power = 10 ** Math.floor(Math.log10(least));
    const step = power * [1, 2, 5, 10].find((by) => by * power >= least)!;
    const first = Math.ceil(min / step);
    const count = Math.floor(max / step) - first + 1;
    return Array.from({ length: count }, (_, i) => (first + i) * step);
  }
  const [from, to] = [Math.floor(Math.log10(min)), Math.ceil(Math.log10(max))];
  const each = to - from > 4 ? [1] : [1, 2, 5];
  return Array.from({ length: to - from + 1 }, (_, i) => each.map((by) => by * 10 ** (from + i)))
    .flat()
    .filter((tick) => tick >= min && tick <= max);
}
