import type uPlot from 'uplot';
import type { Zoom } from './zoom.ts';

/** Moves the part of x that is shown, as far as there is data: a drag with Shift, or sideways on a trackpad. */
export function panByMouse(chart: uPlot, zoomTo: (range: Zoom) => void): void {
  const { over, root } = chart;
  const move = (px: number) => {
    const xs = chart.data[0];
    const width = over.clientWidth;
    const [first, last] = [xs[0], xs.at(-1)].map((x) => chart.valToPos(x ?? 0, 'x'));
    const by = Math.max(first!, Math.min(px, last! - width));
    if (by !== 0) zoomTo([chart.posToVal(by, 'x'), chart.posToVal(width + by, 'x')]);
  };
  let at: number | undefined;
  const start = (event: MouseEvent) => {
    if (!event.shiftKey || event.button !== 0 || !over.contains(event.target as Node)) return;
    // Else uPlot would begin to select.
    event.stopPropagation();
    event.preventDefault();
    at = event.clientX;
    addEventListener('mouseup', end, { once: true });
    addEventListener('mousemove', drag);
  };
  const drag = ({ clientX }: MouseEvent) => {
    move(at! - clientX);
    at = clientX;
  };
  const end = () => removeEventListener('mousemove', drag);
  root.addEventListener('mousedown', start, { capture: true });
  over.addEventListener('wheel', (event) => {
    if (Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
    event.preventDefault();
    move(event.deltaX);
  });
}
