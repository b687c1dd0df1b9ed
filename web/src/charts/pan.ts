import type { Signal } from '@preact/signals';
import type uPlot from 'uplot';
import type { Zoom } from './zoom.ts';

/** Moves the part of x that is shown, as far as there is data: a drag with Shift, or sideways on a trackpad. */
export function panByMouse(chart: uPlot, zoom: Signal<Zoom>): void {
  const { over, root } = chart;
  const at = (x: number | undefined) => chart.valToPos(x ?? 0, 'x');
  const move = (px: number) => {
    const xs = chart.data[0];
    // What is to be shown: the chart may not have drawn it yet.
    const range = zoom.value;
    const [left, right] = range === undefined ? [0, over.clientWidth] : [at(range[0]), at(range[1])];
    const by = Math.max(at(xs[0]) - left, Math.min(px, at(xs.at(-1)) - right));
    if (by !== 0) zoom.value = [chart.posToVal(left + by, 'x'), chart.posToVal(right + by, 'x')];
  };
  let last: number;
  const start = (event: MouseEvent) => {
    if (!event.shiftKey || event.button !== 0 || !over.contains(event.target as Node)) return;
    // Else uPlot would begin to select.
    event.stopPropagation();
    event.preventDefault();
    last = event.clientX;
    addEventListener('mouseup', end, { once: true });
    addEventListener('mousemove', drag);
  };
  const drag = ({ clientX }: MouseEvent) => {
    move(last - clientX);
    last = clientX;
  };
  const end = () => removeEventListener('mousemove', drag);
  root.addEventListener('mousedown', start, { capture: true });
  over.addEventListener('wheel', (event) => {
    if (Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
    event.preventDefault();
    move(event.deltaX);
  });
}
