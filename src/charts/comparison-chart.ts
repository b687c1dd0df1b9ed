import type { ChartScale, Curve } from '../contract/comparison.ts';
import { COLOUR_STYLE, colourOf } from './colours.ts';
import { curveTitle, type Point, QUANTITIES, quantityOf, tell } from './curve.ts';
import { drawPlot, PLOT, pathOf, type Scale } from './plot.ts';
import { escapeXml, px, shortenInside } from './svg.ts';
import { epochAxis, logAxis, valueAxis } from './ticks.ts';

/** One measure of several jobs in one picture. */

export interface ComparedCurve {
  id: string;
  name: string | null;
  points: readonly Point[];
  /** How many epochs the job will train: the extent of the axis until the first one ends. */
  epochs: number;
}

export function drawComparisonChart(
  curve: Curve,
  scale: ChartScale,
  compared: readonly ComparedCurve[],
): string {
  const { label, bounds } = QUANTITIES[quantityOf(curve)];
  const isLog = scale === 'log';
  const looks = looksOf(compared);
  const series = compared.map(({ points }, j): Series => {
    const shown = isLog ? points.filter(({ y }) => y > 0) : points;
    return { ...looks[j], shown, leftOut: points.length - shown.length };
  });
  const all = series.flatMap(({ shown }) => shown);
  const values = all.map(({ y }) => y);
  const last = all.reduce((epoch, { x }) => Math.max(epoch, x), 0);
  const leftOut = series.some((each) => each.leftOut > 0) ? [LEFT_OUT] : [];
  const legend = layOutLegend(series);
  return drawPlot(
    {
      title: curveTitle(curve),
      subtitle: `${compared.length} ${compared.length === 1 ? 'job' : 'jobs'}`,
      description: [...series.map(({ label, shown }) => tell(label, shown)), ...leftOut].join(' '),
      style: COLOUR_STYLE,
      xLabel: 'Epochs',
      yLabel: isLog ? `${label} (log scale)` : label,
      x: epochAxis(last > 0 ? last : Math.max(...compared.map(({ epochs }) => epochs))),
      y: isLog ? logAxis(values, bounds) : valueAxis(values, bounds),
      note: all.length === 0 ? `no values${leftOut.length === 0 ? '' : ' above 0'}` : undefined,
      below: legend.height + (leftOut.length === 0 ? 0 : ROW),
    },
    (toX, toY) => [
      ...series.map((each) => drawSeries(each, toX, isLog ? (y) => toY(Math.log10(y)) : toY)),
      ...series.map((each, j) => drawEntry(each, legend.place(j), legend.letters)),
      ...leftOut.map((text) => `<text x="${PLOT.left}" y="${PLOT.end + legend.height + 8}">${text}</text>`),
    ],
  );
}

const LEFT_OUT = 'Values of 0 or less are left out: a log axis has no place for them.';

interface Look {
  label: string;
  colour: number;
  /** SVG's stroke-dasharray. */
  dashes: string;
}

interface Series extends Look {
  shown: readonly Point[];
  /** How many values the axis has no place for. */
  leftOut: number;
}

/** Jobs of one colour differ by these, in the order of the request. */
const DASHES = ['none', '8 5', '1 5', '14 5 1 5', '20 6', '5 5 1 5 1 5'];

/** A job always has the same colour. It is called by its name, or by its id where that is not enough. */
function looksOf(compared: readonly ComparedCurve[]): Look[] {
  const names = compared.map(({ name }) => name);
  const colours = compared.map(({ id }) => colourOf(id));
  return compared.map(({ id, name }, j) => {
    const colour = colours[j];
    const before = colours.slice(0, j).filter((other) => other === colour).length;
    return {
      label: name !== null && names.indexOf(name) === names.lastIndexOf(name) ? name : id,
      colour,
      dashes: DASHES[before % DASHES.length],
    };
  });
}

/** The last point is marked: it shows where a job stands, and the only point of a line that has one. */
function drawSeries({ label, colour, dashes, shown }: Series, toX: Scale, toY: Scale): string {
  const places = shown.map(({ x, y }) => ({ x: px(toX(x)), y: px(toY(y)) }));
  const end = places.at(-1);
  if (end === undefined) return '';
  return [
    `<g class="c${colour}"><title>${escapeXml(label)}</title>`,
    `<path class="line" stroke-dasharray="${dashes}" d="${pathOf(places)}"/>`,
    `<circle cx="${end.x}" cy="${end.y}" r="3.5"/></g>`,
  ].join('');
}

const ROW = 22;
const SWATCH = 34;

/** px of an average letter. */
const LETTER = 8;

interface Legend {
  height: number;
  place: (j: number) => { x: number; y: number };
  /** The longest label, in average letters. */
  letters: number;
}

/** Below the axes, column by column. */
function layOutLegend({ length }: readonly Series[]): Legend {
  const columns = length <= 6 ? 1 : length <= 20 ? 2 : 3;
  const rows = Math.ceil(length / columns);
  const width = (PLOT.right - PLOT.left) / columns;
  return {
    height: rows * ROW + 8,
    place: (j) => ({
      x: PLOT.left + Math.floor(j / rows) * width,
      y: PLOT.end + 10 + (j % rows) * ROW,
    }),
    letters: Math.floor((width - SWATCH - LETTER - 12) / LETTER),
  };
}

function drawEntry(
  { label, colour, dashes, shown }: Series,
  { x, y }: { x: number; y: number },
  letters: number,
) {
  const without = shown.length === 0 ? ' (no values)' : '';
  const text = shortenInside(label, letters - without.length) + without;
  return [
    `<g class="c${colour}"><title>${escapeXml(label)}</title>`,
    `<path class="line" stroke-dasharray="${dashes}" d="M${px(x)} ${y}h${SWATCH}"/></g>`,
    `<text class="legend" x="${px(x + SWATCH + LETTER)}" y="${y + 4.5}">${escapeXml(text)}</text>`,
  ].join('');
}
