import type { MetricsRow } from '../contract/metrics-list.ts';
import { drawLineChart, type Series } from './line-chart.ts';
import { epochAxis, valueAxis } from './ticks.ts';

/** A job's two charts, titled and labelled like those of the reference run. */

export type ChartName = 'loss' | 'accuracy';

interface Kind {
  title: string;
  quantity: string;
  bounds: { min: number; max: number };
}

const KINDS: Readonly<Record<ChartName, Kind>> = {
  loss: {
    title: 'Cost Function Graph',
    quantity: 'Loss',
    bounds: { min: 0, max: Number.POSITIVE_INFINITY },
  },
  accuracy: { title: 'Accuracy Graph', quantity: 'Accuracy', bounds: { min: 0, max: 1 } },
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
  const { title, quantity, bounds } = KINDS[chart];
  const series: Series[] = [
    { label: `Training ${quantity}`, look: 'first', points: pointsOf(rows, chart) },
    { label: `Validation ${quantity}`, look: 'second', points: pointsOf(rows, `val_${chart}`) },
  ];
  // A job without validation has no second line. Before the first epoch the rows cannot show that, so draw both.
  const drawn = series.filter(({ points }) => points.length > 0 || rows.length === 0);
  const last = rows.at(-1)?.epoch;
  return drawLineChart({
    title,
    subtitle: jobName,
    description: rows.length === 0 ? 'No epochs yet.' : drawn.map(tell).join(' '),
    xLabel: 'Epochs',
    yLabel: quantity,
    x: epochAxis(last ?? epochs),
    y: valueAxis(
      drawn.flatMap(({ points }) => points.map(({ y }) => y)),
      bounds,
    ),
    series: drawn,
    note: rows.length === 0 ? 'no epochs yet' : undefined,
  });
}

type Measure = 'loss' | 'accuracy' | 'val_loss' | 'val_accuracy';

const pointsOf = (rows: readonly MetricsRow[], measure: Measure) =>
  rows.flatMap((row) => {
    const y = row[measure];
    return y === null ? [] : [{ x: row.epoch, y }];
  });

/** "Training Loss: 0.2671 after epoch 1, 0.0230 after epoch 10." */
function tell({ label, points }: Series): string {
  const first = points[0];
  const last = points.at(-1)!;
  const start = `${label}: ${say(first.y)} after epoch ${first.x}`;
  return first === last ? `${start}.` : `${start}, ${say(last.y)} after epoch ${last.x}.`;
}

const say = (value: number): string => String(Number(value.toPrecision(4)));
