import type uPlot from 'uplot';
import type { Zoom } from './zoom.ts';

/** px: a shorter way is a tap. */
const TAP = 5;
const DOUBLE_TAP_MS = 400;

/**
 * What uPlot does for a mouse, for a finger: a way along x selects what to show, and two taps show all again. A way
 * upwards or downwards scrolls the page, and two fingers magnify it: see touch-action in line-chart.css.
 */
export function zoomByTouch(chart: uPlot, zoomTo: (range: Zoom) => void): void {
  const { over } = chart;
  let from: number | undefined;
  let tappedMs = Number.NEGATIVE_INFINITY;
  const select = (to: number, isDone: boolean) => {
    const [left, width] = [Math.min(from!, to), Math.abs(to - from!)];
    chart.setSelect({ left, width: width < TAP ? 0 : width, top: 0, height: over.clientHeight }, isDone);
    return width;
  };
  const on = (
    type: 'pointerdown' | 'pointermove' | 'pointerup' | 'pointercancel',
    act: (x: number, event: PointerEvent) => void,
  ) =>
    over.addEventListener(type, (event) => {
      if (event.pointerType !== 'touch' || !event.isPrimary) return;
      const box = over.getBoundingClientRect();
      act(Math.max(0, Math.min(box.width, event.clientX - box.left)), event);
    });
  on('pointerdown', (x) => {
    from = x;
  });
  on('pointermove', (x, { clientY }) => {
    if (from === undefined) return;
    select(x, false);
    chart.setCursor({ left: x, top: clientY - over.getBoundingClientRect().top });
  });
  on('pointerup', (x, { timeStamp }) => {
    if (from === undefined) return;
    const isTap = select(x, true) < TAP;
    from = undefined;
    if (isTap && timeStamp - tappedMs < DOUBLE_TAP_MS) zoomTo(undefined);
    tappedMs = isTap ? timeStamp : Number.NEGATIVE_INFINITY;
  });
  // The browser scrolls or magnifies instead.
  on('pointercancel', () => {
    if (from !== undefined) select(from, false);
    from = undefined;
  });
}
