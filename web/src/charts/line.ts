/** What a chart of curves shows. */

export interface Line {
  id: string;
  label: string;
  colour: string;
  /** One per x; null where there is none. */
  values: readonly (number | null)[];
  isFaint?: boolean;
  isDashed?: boolean;
  isHidden?: boolean;
  /** Part of a band: the values below `values`, filled between. */
  low?: readonly (number | null)[];
}

export interface LineChartProps {
  /** What the whole picture shows, for those who cannot see it; its table is the caller's. */
  title: string;
  x: readonly number[];
  xTitle: string;
  lines: readonly Line[];
  isLogX?: boolean;
  isLogY?: boolean;
  /** Charts with the same key share their cursor and their zoom along x: see zoom.ts. */
  syncKey?: string;
  height?: number;
  format?(value: number): string;
  onClickLine?(id: string): void;
}

export const HEIGHT = 260;

/** The number of each line's series in the chart: a band has two. */
export function seriesOf(lines: readonly Line[]): number[] {
  let next = 1;
  return lines.map(({ low }) => {
    const at = next;
    next += low === undefined ? 1 : 2;
    return at;
  });
}
