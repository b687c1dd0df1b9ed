import type { DataShape } from '../contract/data-shape.ts';
import type { MetricsRow } from '../contract/metrics-list.ts';
import { curveTitle, pointsOf, QUANTITIES, type Quantity, tell } from './curve.ts';
import { drawLineChart, type Series } from './line-chart.ts';
import { epochAxis, valueAxis } from './ticks.ts';

/** A job's charts, titled and labelled like those of the reference run. */

export type ChartName = Quantity;

const TITLES: Readonly<Record<ChartName, string>> = {
  loss: 'Cost Function Graph',
  accuracy: 'Accuracy Graph',
  mae: 'Mean Absolute Error Graph',
};

/** What a job of a task does not measure: a picture that is embedded then says so. */
const MISSING: Readonly<Record<DataShape['task'], Partial<Record<ChartName, string>>>> = {
  classification: { mae: 'no MAE: this job predicts classes' },
  regression: { accuracy: 'no accuracy: this job predicts a number' },
};

/**
 * Draws a job's loss, accuracy or mean absolute error against its epochs.
 * @param epochs how many epochs the job will train: the extent of the axis until the first one ends.
 */
export function drawEpochChart(
  chart: ChartName,
  jobName: string,
  task: DataShape['task'],
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
  const missing = MISSING[task][chart];
  const drawn = missing ? [] : series.filter(({ points }) => points.length > 0 || rows.length === 0);
  const note = missing ?? (rows.length === 0 ? 'no epochs yet' : undefined);
  const last = rows.at(-1)?.epoch;
  return drawLineChart({
    title: TITLES[chart],
    subtitle: jobName,
    description:
      note === undefined
        ? drawn.map((each) => tell(each.label, each.points)).join(' ')
        : `${note[0]!.toUpperCase()}${note.slice(1)}.`,
    xLabel: 'Epochs',
    yLabel: label,
    x: epochAxis(last ?? epochs),
    y: valueAxis(
      drawn.flatMap(({ points }) => points.map(({ y }) => y)),
      bounds,
    ),
    series: drawn,
    note,
  });
}
