import { lightAndDark } from './picture.ts';
import { drawPlot, PLOT, type Plot, pathOf, type Scale } from './plot.ts';
import { escapeXml, px } from './svg.ts';

/** Draws one or two lines. */

export interface Series {
  label: string;
  /** One of the two colours and marks. */
  look: 'first' | 'second';
  points: readonly { x: number; y: number }[];
}

export interface LineChart extends Omit<Plot, 'style' | 'below'> {
  series: readonly Series[];
}

/** With more points than this the marks would touch, so the series is drawn as a line only. */
const MAX_MARKS = 40;

const STYLE = lightAndDark(
  `
.first{stroke:#0969da}.first .mark,.mark.first{fill:#0969da}
.second{stroke:#d1500b}.second .mark,.mark.second{fill:#d1500b}
.mark{stroke:#fff;stroke-width:1.25}
`,
  `
.first{stroke:#58a6ff}.first .mark,.mark.first{fill:#58a6ff}
.second{stroke:#ffa657}.second .mark,.mark.second{fill:#ffa657}
.mark{stroke:#0d1117}
`,
);

export function drawLineChart({ series, ...plot }: LineChart): string {
  return drawPlot({ ...plot, style: STYLE }, (toX, toY) => [
    ...series.map((each) => drawSeries(each, toX, toY)),
    ...drawLegend(series),
  ]);
}

function drawSeries({ look, points }: Series, toX: Scale, toY: Scale): string {
  const places = points.map(({ x, y }) => ({ x: px(toX(x)), y: px(toY(y)) }));
  const marks =
    places.length <= MAX_MARKS ? places.map(({ x, y }) => drawMark(look, Number(x), Number(y))) : [];
  return [`<g class="${look}">`, `<path class="line" d="${pathOf(places)}"/>`, ...marks, '</g>'].join('');
}

/** Dots for one series and squares for the other, so that the lines differ by more than colour. */
const drawMark = (look: Series['look'], x: number, y: number): string =>
  look === 'first'
    ? `<circle class="mark" cx="${px(x)}" cy="${px(y)}" r="4"/>`
    : `<rect class="mark" x="${px(x - 3.75)}" y="${px(y - 3.75)}" width="7.5" height="7.5"/>`;

const LEGEND_ENTRY = 168;

/** Entries go at the bottom, left and right of the axis label, where no line can cover them. */
function drawLegend(series: readonly Series[]): string[] {
  const y = PLOT.end - 22;
  return series.map(({ label, look }, i) => {
    const x = i === 0 ? PLOT.left : PLOT.right - LEGEND_ENTRY;
    return [
      `<g class="${look}">`,
      `<path class="line" d="M${x} ${y}h28"/>`,
      drawMark(look, x + 14, y),
      `</g><text class="legend" x="${x + 37}" y="${y + 4.5}">${escapeXml(label)}</text>`,
    ].join('');
  });
}
