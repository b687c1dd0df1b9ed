import { signal } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { HEIGHT, type LineChartProps, seriesOf } from './line.ts';
import { dataOf, optionsOf, structureOf } from './options.ts';
import { panByMouse } from './pan.ts';
import { zoomByTouch } from './touch.ts';
import { type Zoom, zoomOf } from './zoom.ts';

export type { Line, LineChartProps } from './line.ts';

/** px: a line of names and values below the picture. */
const LEGEND = 30;

/**
 * A chart of curves over a common x, on a canvas: thousands of points, while data comes. A drag along x zooms, one
 * with Shift moves what is shown, a double click shows all again.
 */
export function LineChart(props: LineChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;
  const frame = useRef(0);
  const structure = structureOf(props);
  const { syncKey, height = HEIGHT } = props;
  const zoom = useMemo(() => (syncKey === undefined ? signal<Zoom>(undefined) : zoomOf(syncKey)), [syncKey]);

  const draw = () => {
    frame.current = 0;
    const range = zoom.peek();
    chart.current?.setData(dataOf(latest.current), range === undefined);
    if (range !== undefined) chart.current?.setScale('x', { min: range[0], max: range[1] });
  };
  // Data and zoom may change several times before the browser shows the next picture.
  const drawSoon = () => {
    frame.current ||= requestAnimationFrame(draw);
  };

  useEffect(() => {
    const element = place.current!;
    const zoomTo = (range: Zoom) => {
      zoom.value = range;
    };
    const make = () => {
      chart.current?.destroy();
      const options = optionsOf(latest.current, element.clientWidth, zoomTo);
      const made = new uPlot(options, dataOf(latest.current), element);
      chart.current = made;
      if (zoom.peek() !== undefined) draw();
      zoomByTouch(made, zoomTo);
      panByMouse(made, zoom);
      made.over.addEventListener('click', () => clickedLine(made, latest.current));
    };
    make();
    const resized = new ResizeObserver(() => {
      const width = element.clientWidth;
      if (width > 0 && width !== chart.current?.width) chart.current?.setSize({ width, height });
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
  }, [structure, zoom]);

  useEffect(() => zoom.subscribe(drawSoon), [zoom]);
  useEffect(drawSoon, [props.x, props.lines]);

  const hidden = JSON.stringify(props.lines.map(({ isHidden }) => isHidden === true));
  // Only when it changes: else new data would bring back what somebody has hidden in the legend.
  useEffect(() => {
    const { current } = chart;
    if (current === undefined) return;
    for (const [i, at] of seriesOf(props.lines).entries()) {
      const { isHidden = false, low } = props.lines[i]!;
      if (current.series[at]!.show === isHidden) current.setSeries(at, { show: !isHidden });
      if (low !== undefined && current.series[at + 1]!.show === isHidden) {
        current.setSeries(at + 1, { show: !isHidden });
      }
    }
  }, [hidden]);

  const style = { minHeight: `${height + LEGEND}px` };
  return <div class="chart" style={style} ref={place} role="img" aria-label={props.title} />;
}

function clickedLine(chart: uPlot, { lines, onClickLine }: LineChartProps): void {
  const focused = chart.series.findIndex(
    (series, i) => i > 0 && (series as { _focus?: boolean })._focus === true,
  );
  const line = lines[seriesOf(lines).indexOf(focused)];
  if (line !== undefined) onClickLine?.(line.id);
}
