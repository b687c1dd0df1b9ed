import type { NumberEvaluation } from '../contract/evaluation.ts';
import { lightAndDark } from './picture.ts';
import { drawPlot, PLOT } from './plot.ts';
import { px } from './svg.ts';
import { valueAxis } from './ticks.ts';

/** A histogram of the residuals of a model that predicts a number: how far it is off, and to which side. */

export type Residuals = Pick<NumberEvaluation, 'rows' | 'mae' | 'rmse' | 'r2' | 'residuals'>;

const STYLE = lightAndDark(
  '.bar{fill:#0969da}.zero{stroke:#1f2328;stroke-dasharray:4 4}',
  '.bar{fill:#58a6ff}.zero{stroke:#f0f6fc}',
);

const ANY = { min: Number.NEGATIVE_INFINITY, max: Number.POSITIVE_INFINITY };

export function drawResidualChart(jobName: string, { residuals, ...measured }: Residuals): string {
  const { edges, counts } = residuals;
  const x = valueAxis(edges, ANY);
  return drawPlot(
    {
      title: 'Residuals',
      subtitle: jobName,
      description: describe(measured, edges),
      style: STYLE,
      xLabel: 'Actual - Predicted',
      yLabel: 'Test Rows',
      x,
      y: valueAxis([0, ...counts], { ...ANY, min: 0 }),
      note: undefined,
    },
    (toX, toY) => [
      ...counts.flatMap((count, i) => {
        if (count === 0) return [];
        const [left, right, top] = [toX(edges[i]), toX(edges[i + 1]), toY(count)];
        return [
          `<rect class="bar" x="${px(left)}" y="${px(top)}" width="${px(Math.max(right - left - 1, 1))}" height="${px(PLOT.bottom - top)}"/>`,
        ];
      }),
      ...(x.min <= 0 && x.max >= 0
        ? [`<path class="zero" d="M${px(toX(0))} ${PLOT.top}V${PLOT.bottom}"/>`]
        : []),
    ],
  );
}

function describe({ rows, mae, rmse, r2 }: Omit<Residuals, 'residuals'>, edges: readonly number[]): string {
  const explained = r2 === null ? '' : `, R² ${say(r2)}`;
  return `${rows} test rows: MAE ${say(mae)}, RMSE ${say(rmse)}${explained}. Residuals from ${say(edges[0])} to ${say(edges.at(-1)!)}.`;
}

const say = (value: number): string => String(Number(value.toPrecision(4)));
