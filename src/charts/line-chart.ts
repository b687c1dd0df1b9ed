import { escapeXml, px } from './svg.ts';
import { type Axis, labelsOf } from './ticks.ts';

/** Draws numbers as one SVG file: no scripts, no external references, its own light and dark background. */

export interface Series {
  label: string;
  /** One of the two colours and marks. */
  look: 'first' | 'second';
  points: readonly { x: number; y: number }[];
}

export interface LineChart {
  title: string;
  /** Below the title; truncated when too long. */
  subtitle: string;
  /** What the chart shows, in words, for screen readers. */
  description: string;
  xLabel: string;
  yLabel: string;
  x: Axis;
  y: Axis;
  series: readonly Series[];
  /** Shown instead of lines when there is nothing to draw. */
  note: string | undefined;
}

const WIDTH = 720;
const HEIGHT = 440;
const PLOT = { left: 76, right: WIDTH - 28, top: 76, bottom: HEIGHT - 64 };

/** With more points than this the marks would touch, so the series is drawn as a line only. */
const MAX_MARKS = 40;

/** The longest subtitle, in units of about 7 px: a wide character takes two of them, any other one. */
const SUBTITLE_WIDTH = 84;

const STYLE = `
svg{color-scheme:light dark}
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","DejaVu Sans",sans-serif;font-size:13px;fill:#57606a}
.card{fill:#fff;stroke:#d0d7de}
.title{font-size:19px;font-weight:600;fill:#1f2328}
.label{font-size:14px;fill:#1f2328}
.legend{fill:#1f2328}
.note{font-size:16px}
.grid{stroke:#d8dee4;stroke-width:1}
.axis{stroke:#8c959f;stroke-width:1}
.line{fill:none;stroke-width:2.25;stroke-linejoin:round;stroke-linecap:round}
.first{stroke:#0969da}.first .mark,.mark.first{fill:#0969da}
.second{stroke:#d1500b}.second .mark,.mark.second{fill:#d1500b}
.mark{stroke:#fff;stroke-width:1.25}
@media (prefers-color-scheme:dark){
text{fill:#9198a1}
.card{fill:#0d1117;stroke:#3d444d}
.title,.label,.legend{fill:#f0f6fc}
.grid{stroke:#2a313c}
.axis{stroke:#656c76}
.first{stroke:#58a6ff}.first .mark,.mark.first{fill:#58a6ff}
.second{stroke:#ffa657}.second .mark,.mark.second{fill:#ffa657}
.mark{stroke:#0d1117}
}
`.replaceAll('\n', '');

export function drawLineChart(chart: LineChart): string {
  const toX = scale(chart.x, PLOT.left + 10, PLOT.right - 10);
  const toY = scale(chart.y, PLOT.bottom, PLOT.top);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img" aria-labelledby="title desc">`,
    `<title id="title">${escapeXml(`${chart.title}: ${chart.subtitle}`)}</title>`,
    `<desc id="desc">${escapeXml(chart.description)}</desc>`,
    `<style>${STYLE}</style>`,
    `<rect class="card" x="0.5" y="0.5" width="${WIDTH - 1}" height="${HEIGHT - 1}" rx="8"/>`,
    ...drawHeading(chart),
    ...drawYAxis(chart.y, chart.yLabel, toY),
    ...drawXAxis(chart.x, chart.xLabel, toX),
    ...chart.series.map((series) => drawSeries(series, toX, toY)),
    ...(chart.note === undefined ? [] : [drawNote(chart.note)]),
    ...drawLegend(chart.series),
    '</svg>',
    '',
  ].join('\n');
}

type Scale = (value: number) => number;

const scale =
  ({ min, max }: Axis, from: number, to: number): Scale =>
  (value) =>
    from + ((value - min) / (max - min)) * (to - from);

const MIDDLE = (PLOT.left + PLOT.right) / 2;

function drawHeading({ title, subtitle }: LineChart): string[] {
  return [
    `<text class="title" x="${MIDDLE}" y="33" text-anchor="middle">${escapeXml(title)}</text>`,
    `<text x="${MIDDLE}" y="55" text-anchor="middle">${escapeXml(shorten(subtitle))}</text>`,
  ];
}

/** Truncates text that would not fit. Chinese, Japanese and Korean characters and emoji count as twice as wide. */
function shorten(text: string): string {
  let width = 0;
  let short = '';
  for (const character of text) {
    width += character.codePointAt(0)! >= 0x2e80 ? 2 : 1;
    if (width > SUBTITLE_WIDTH) return `${short}…`;
    short += character;
  }
  return text;
}

function drawYAxis(axis: Axis, label: string, toY: Scale): string[] {
  const labels = labelsOf(axis.ticks);
  const middle = (PLOT.top + PLOT.bottom) / 2;
  return [
    ...axis.ticks.map((tick, i) => {
      const y = px(toY(tick));
      const className = i === 0 ? 'axis' : 'grid';
      return (
        `<line class="${className}" x1="${PLOT.left}" y1="${y}" x2="${PLOT.right}" y2="${y}"/>` +
        `<text x="${PLOT.left - 9}" y="${px(toY(tick) + 4.5)}" text-anchor="end">${labels[i]}</text>`
      );
    }),
    `<text class="label" transform="translate(22 ${px(middle)}) rotate(-90)" text-anchor="middle">${escapeXml(label)}</text>`,
  ];
}

function drawXAxis(axis: Axis, label: string, toX: Scale): string[] {
  return [
    ...axis.ticks.map((tick) => {
      const x = px(toX(tick));
      return (
        `<line class="axis" x1="${x}" y1="${PLOT.bottom}" x2="${x}" y2="${PLOT.bottom + 5}"/>` +
        `<text x="${x}" y="${PLOT.bottom + 21}" text-anchor="middle">${tick}</text>`
      );
    }),
    `<text class="label" x="${MIDDLE}" y="${HEIGHT - 18}" text-anchor="middle">${escapeXml(label)}</text>`,
  ];
}

function drawSeries({ look, points }: Series, toX: Scale, toY: Scale): string {
  const places = points.map(({ x, y }) => ({ x: px(toX(x)), y: px(toY(y)) }));
  const path = places.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`).join('');
  const marks =
    places.length <= MAX_MARKS ? places.map(({ x, y }) => drawMark(look, Number(x), Number(y))) : [];
  return [`<g class="${look}">`, `<path class="line" d="${path}"/>`, ...marks, '</g>'].join('');
}

/** Dots for one series and squares for the other, so that the lines differ by more than colour. */
const drawMark = (look: Series['look'], x: number, y: number): string =>
  look === 'first'
    ? `<circle class="mark" cx="${px(x)}" cy="${px(y)}" r="4"/>`
    : `<rect class="mark" x="${px(x - 3.75)}" y="${px(y - 3.75)}" width="7.5" height="7.5"/>`;

const drawNote = (note: string): string =>
  `<text class="note" x="${MIDDLE}" y="${px((PLOT.top + PLOT.bottom) / 2 + 5)}" text-anchor="middle">${escapeXml(note)}</text>`;

const LEGEND_ENTRY = 168;

/** Entries go at the bottom, left and right of the axis label, where no line can cover them. */
function drawLegend(series: readonly Series[]): string[] {
  const y = HEIGHT - 22;
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
