import { drawPicture, HEADING_HEIGHT, type Picture } from './picture.ts';
import { escapeXml, px } from './svg.ts';
import type { Axis } from './ticks.ts';

/** A picture of lines between two axes. */

export interface Plot extends Pick<Picture, 'title' | 'subtitle' | 'description' | 'style'> {
  xLabel: string;
  yLabel: string;
  x: Axis;
  y: Axis;
  /** Shown instead of lines when there is nothing to draw. */
  note: string | undefined;
  /** Room below the axes and their label, in px. */
  below?: number;
}

const WIDTH = 720;

/** The place of the axes and of their label, in px. */
export const PLOT = { left: 76, right: WIDTH - 28, top: HEADING_HEIGHT, bottom: 376, end: 440 };

const MIDDLE = (PLOT.left + PLOT.right) / 2;

/** From a value of an axis to px. */
export type Scale = (value: number) => number;

/** draw: what goes between the axes and below them. */
export function drawPlot(plot: Plot, draw: (toX: Scale, toY: Scale) => string[]): string {
  const { x, y, xLabel, yLabel, note, below = 0 } = plot;
  const toX = scale(x, PLOT.left + 10, PLOT.right - 10);
  const toY = scale(y, PLOT.bottom, PLOT.top);
  return drawPicture({ ...plot, width: WIDTH, height: PLOT.end + below, middle: MIDDLE }, [
    ...drawYAxis(y, yLabel, toY),
    ...drawXAxis(x, xLabel, toX),
    ...draw(toX, toY),
    ...(note === undefined ? [] : [drawNote(note)]),
  ]);
}

/** The path of a line. */
export const pathOf = (places: readonly { x: string; y: string }[]): string =>
  places.map(({ x, y }, i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`).join('');

const scale =
  ({ min, max }: Axis, from: number, to: number): Scale =>
  (value) =>
    from + ((value - min) / (max - min)) * (to - from);

function drawYAxis({ ticks, labels }: Axis, label: string, toY: Scale): string[] {
  const middle = (PLOT.top + PLOT.bottom) / 2;
  return [
    ...ticks.map((tick, i) => {
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

function drawXAxis({ ticks, labels }: Axis, label: string, toX: Scale): string[] {
  return [
    ...ticks.map((tick, i) => {
      const x = px(toX(tick));
      return (
        `<line class="axis" x1="${x}" y1="${PLOT.bottom}" x2="${x}" y2="${PLOT.bottom + 5}"/>` +
        `<text x="${x}" y="${PLOT.bottom + 21}" text-anchor="middle">${labels[i]}</text>`
      );
    }),
    `<text class="label" x="${MIDDLE}" y="${PLOT.end - 18}" text-anchor="middle">${escapeXml(label)}</text>`,
  ];
}

const drawNote = (note: string): string =>
  `<text class="note" x="${MIDDLE}" y="${px((PLOT.top + PLOT.bottom) / 2 + 5)}" text-anchor="middle">${escapeXml(note)}</text>`;
