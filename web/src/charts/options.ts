import type uPlot from 'uplot';
import { extentOf, linearRange } from './extent.ts';
import { HEIGHT, type LineChartProps } from './line.ts';
import { logRange, logTicks } from './log-scale.ts';

/** What uPlot is told about a chart of curves. */

/** uPlot draws on a canvas, which does not know light-dark(): the browser resolves it on an element. */
function resolved(colour: string): string {
  const probe = document.createElement('i');
  probe.style.color = colour;
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** What makes a new chart necessary; anything else is new data for the old one, which keeps zoom and cursor. */
export const structureOf = ({ lines, isLogX, isLogY, xTitle, height, syncKey }: LineChartProps): string =>
  JSON.stringify([
    lines.map(({ id, label, colour, isFaint, isDashed, low }) => [
      id,
      label,
      colour,
      isFaint,
      isDashed,
      low !== undefined,
    ]),
    isLogX,
    isLogY,
    xTitle,
    height,
    syncKey,
  ]);

export function dataOf({ x, lines, isLogY = false }: LineChartProps): uPlot.AlignedData {
  // A logarithmic axis has no place for 0.
  const drawn = (values: readonly (number | null)[]) =>
    isLogY ? values.map((value) => (value !== null && value > 0 ? value : null)) : values;
  const rows = lines.flatMap(({ values, low }) =>
    low === undefined ? [drawn(values)] : [drawn(values), drawn(low)],
  );
  return [x, ...rows] as unknown as uPlot.AlignedData;
}

function seriesAndBands({ lines, xTitle, format = plain }: LineChartProps) {
  const series: uPlot.Series[] = [{ label: xTitle }];
  const bands: uPlot.Band[] = [];
  const value = (_chart: uPlot, y: number | null) => (y == null ? '–' : format(y));
  for (const { label, colour, isFaint, isDashed, isHidden, low } of lines) {
    const stroke = resolved(colour);
    const show = isHidden !== true;
    const line = { stroke, show, spanGaps: true, value };
    const beside = { points: { show: false }, class: 'faint-line' };
    if (low === undefined) {
      series.push({
        ...line,
        label,
        width: 2,
        ...(isFaint && { ...beside, alpha: 0.3 }),
        ...(isDashed && { dash: [6, 4] }),
      });
      continue;
    }
    bands.push({
      series: [series.length, series.length + 1],
      fill: stroke.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.15)'),
    });
    for (const edge of ['high', 'low']) {
      series.push({ ...line, ...beside, label: `${label}, ${edge}`, width: 1, alpha: 0.6 });
    }
  }
  return { series, bands };
}

/** @param zoomTo is told what somebody chose to see */
export function optionsOf(
  props: LineChartProps,
  width: number,
  zoomTo: (range: readonly [number, number] | undefined) => void,
): uPlot.Options {
  const { xTitle, isLogX = false, isLogY = false, syncKey, height = HEIGHT, format = plain } = props;
  const axis = {
    stroke: resolved('var(--soft)'),
    grid: { stroke: resolved('var(--line)'), width: 1 },
    ticks: { stroke: resolved('var(--line)'), width: 1 },
    font: `12px ${getComputedStyle(document.body).fontFamily}`,
  };
  return {
    width,
    height,
    ...seriesAndBands(props),
    scales: {
      x: { time: false, ...(isLogX && { distr: 3, range: logRange(0) }) },
      y: {
        ...(isLogY && { distr: 3 }),
        // Also of hidden lines: to hide one must not move the others.
        range: (chart) => (isLogY ? logRange(ROOM) : linearRange(ROOM))(chart, ...extentOf(chart)),
      },
    },
    axes: [
      {
        ...axis,
        label: xTitle,
        size: 32,
        labelSize: 22,
        labelFont: axis.font,
        incrs: WHOLE_STEPS,
        ...(isLogX && LOG_AXIS),
      },
      {
        ...axis,
        ...(isLogY && LOG_AXIS),
        size: 72,
        values: (_chart, ticks) => ticks.map((tick) => (tick == null ? '' : format(tick))),
      },
    ],
    cursor: {
      focus: { prox: 16 },
      // The zoom is the charts' own, so that it outlives new data and new charts.
      drag: { x: true, y: false, dist: 5, setScale: false },
      bind: {
        dblclick: () => () => {
          zoomTo(undefined);
          return null;
        },
      },
      ...(syncKey !== undefined && { sync: { key: syncKey, scales: ['x', null] } }),
    },
    hooks: {
      setSelect: [
        (chart) => {
          const { left, width } = chart.select;
          if (width > 0) zoomTo([chart.posToVal(left, 'x'), chart.posToVal(left + width, 'x')]);
          chart.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
    focus: { alpha: 0.4 },
    legend: {
      live: true,
      markers: { dash: (chart, i) => (chart.series[i]?.dash === undefined ? 'solid' : 'dashed') },
    },
  };
}

/** What is left free above and below the lines, as a share of the picture. */
const ROOM = 0.05;

const LOG_AXIS = { splits: logTicks, filter: (_chart: uPlot, ticks: number[]) => ticks };

const plain = (value: number): string => String(Number(value.toPrecision(4)));

/** For epochs and steps; seconds are long enough for them. */
const WHOLE_STEPS = [1, 2, 5]
  .flatMap((step) => [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7].map((by) => step * by))
  .sort((a, b) => a - b);
