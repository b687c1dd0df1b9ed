import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

/** A chart of curves over a common x, on a canvas: thousands of points, pan and zoom, while data comes. */

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
  /** Charts with the same key share their cursor and their zoom along x. */
  syncKey?: string;
  height?: number;
  format?(value: number): string;
  onClickLine?(id: string): void;
}

const css = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

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
const structureOf = ({ lines, isLogX, isLogY, xTitle, height, syncKey }: LineChartProps): string =>
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

function dataOf({ x, lines }: LineChartProps): uPlot.AlignedData {
  const rows = lines.flatMap(({ values, low }) => (low === undefined ? [values] : [values, low]));
  return [x, ...rows] as unknown as uPlot.AlignedData;
}

function optionsOf(props: LineChartProps, width: number): uPlot.Options {
  const { lines, xTitle, isLogX = false, isLogY = false, syncKey, height = 260, format } = props;
  const axis = { stroke: resolved('var(--soft)'), grid: { stroke: resolved('var(--line)'), width: 1 } };
  const shown = format ?? ((value: number) => String(Number(value.toPrecision(4))));
  const series: uPlot.Series[] = [{ label: xTitle }];
  const bands: uPlot.Band[] = [];
  for (const { label, colour, isFaint, isDashed, isHidden, low } of lines) {
    const stroke = resolved(colour);
    const value = (_chart: uPlot, y: number | null) => (y == null ? '–' : shown(y));
    const alpha = isFaint ? 0.3 : 1;
    series.push({
      label,
      stroke,
      width: 2,
      alpha,
      show: isHidden !== true,
      spanGaps: true,
      value,
      ...(isDashed && { dash: [6, 4] }),
    });
    if (low === undefined) continue;
    bands.push({
      series: [series.length - 1, series.length],
      fill: stroke.replace(/^rgb\((.*)\)$/, 'rgba($1, 0.15)'),
    });
    series.push({ label: `${label}, low`, stroke, width: 0, points: { show: false }, spanGaps: true, value });
  }
  return {
    width,
    height,
    series,
    bands,
    scales: { x: { time: false, distr: isLogX ? 3 : 1 }, y: { distr: isLogY ? 3 : 1 } },
    axes: [
      { ...axis, label: xTitle, labelSize: 22, font: `12px ${css('font-family') || 'sans-serif'}` },
      {
        ...axis,
        size: 64,
        values: (_chart, ticks) => ticks.map((tick) => (tick == null ? '' : shown(tick))),
      },
    ],
    cursor: {
      focus: { prox: 16 },
      drag: { x: true, y: false },
      ...(syncKey !== undefined && { sync: { key: syncKey, scales: ['x', null] } }),
    },
    focus: { alpha: 0.4 },
    legend: { live: true },
  };
}

export function LineChart(props: LineChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const structure = structureOf(props);

  useEffect(() => {
    const element = place.current!;
    const make = () => {
      chart.current?.destroy();
      chart.current = new uPlot(
        optionsOf(latest.current, element.clientWidth),
        dataOf(latest.current),
        element,
      );
      chart.current.over.addEventListener('click', () => clickedLine(chart.current!, latest.current));
    };
    make();
    const resized = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width !== chart.current?.width)
        chart.current?.setSize({ width, height: latest.current.height ?? 260 });
    });
    resized.observe(element);
    // The colours of the canvas are drawn ones.
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', make);
    return () => {
      resized.disconnect();
      scheme.removeEventListener('change', make);
      chart.current?.destroy();
      chart.current = undefined;
    };
  }, [structure]);

  useEffect(() => {
    const { current } = chart;
    if (current === undefined) return;
    const { min, max } = current.scales.x!;
    const xs = current.data[0];
    const isZoomed = xs.length > 0 && (min !== xs[0] || max !== xs.at(-1));
    current.setData(dataOf(props), !isZoomed);
    if (isZoomed) current.setScale('x', { min: min!, max: max! });
  }, [props.x, props.lines]);

  useEffect(() => {
    const { current } = chart;
    if (current === undefined) return;
    let at = 1;
    for (const { isHidden, low } of props.lines) {
      const show = isHidden !== true;
      if (current.series[at]!.show !== show) current.setSeries(at, { show });
      at += low === undefined ? 1 : 2;
    }
  }, [props.lines]);

  return <div class="chart" ref={place} role="img" aria-label={props.title} />;
}

function clickedLine(chart: uPlot, { lines, onClickLine }: LineChartProps): void {
  const focused = chart.series.findIndex(
    (series, i) => i > 0 && (series as { _focus?: boolean })._focus === true,
  );
  if (focused < 1 || onClickLine === undefined) return;
  let at = 1;
  for (const { id, low } of lines) {
    if (at === focused) onClickLine(id);
    at += low === undefined ? 1 : 2;
  }
}
