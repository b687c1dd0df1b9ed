import type { MetricsRow } from '../contract/metrics-list.ts';
import { curveTitle, pointsOf, QUANTITIES, type Quantity, tell } from './curve.ts';
import { drawLineChart, type Series } from './line-chart.ts';
import { epochAxis, valueAxis } from './ticks.ts';

/** A job's two charts, titled and labelled like those of the reference run. */

export type ChartName = Quantity;

const TITLES: Readonly<Record<ChartName, string>> = {
  loss: 'Cost Function Graph',
  accuracy: 'Accuracy Graph',
};

/**
 * Draws a job's loss or accuracy against its epochs.
 * @param epochs how many epochs the job will train: the extent of the axis until the first one ends.
 */
export function drawEpochChart(
  chart: ChartName,
  jobName: string,
  rows: readonly MetricsRow[],
  epochs: number,
): string {
  const { label, bounds } = QUANTITIES[chart];
  const validation = `val_${chart}` as const;
  const series: Series[] = [
    { label: curveTitle(chart), look: 'first', points: pointsOf(rows, chart) },
    { label: curveTitle(validation), look: 'second', points: pointsOf(rows, validation) },
  ];
  // A job without validation has no second line. Before the first epoch the rows cannot show that, so draw both.
  const drawn = series.filter(({ points }) => points.length > 0 || rows.length === 0);
  const last = rows.at(-1)?.epoch;
  return drawLineChart({
    title: TITLES[chart],
    subtitle: jobName,
    description:
      rows.length === 0 ? 'No epochs yet.' : drawn.map((each) => tell(each.label, each.points)).join(' '),
    xLabel: 'Epochs',
    yLabel: label,
    x: epochAxis(last ?? epochs),
    y: valueAxis(
      drawn.flatMap(({ points }) => points.map(({ y }) => y)),
      bounds,
    ),
    series: drawn,
    note: rows.length === 0 ? 'no epochs yet' : undefined,
  });
}
