import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

/** Rows above and below the window that are there already when somebody scrolls. */
const AHEAD = 10;

/**
 * The body of a table with rows of one height, of which only those in the window exist. The others are two rows as high
 * as all of them.
 */
export function WindowedBody({
  count,
  rowHeight,
  columns,
  row,
  onNearEnd,
}: {
  count: number;
  /** In px. */
  rowHeight: number;
  columns: number;
  row(index: number): ComponentChildren;
  /** The last rows come into sight. */
  onNearEnd(): void;
}) {
  const body = useRef<HTMLTableSectionElement>(null);
  const range = useSignal({ from: 0, to: 60 });
  useEffect(() => {
    let frame = 0;
    const look = () => {
      frame = 0;
      const top = -(body.current?.getBoundingClientRect().top ?? 0);
      const from = Math.max(0, Math.floor(top / rowHeight) - AHEAD);
      const to = Math.ceil((top + innerHeight) / rowHeight) + AHEAD;
      if (from !== range.peek().from || to !== range.peek().to) range.value = { from, to };
      if (to >= count) onNearEnd();
    };
    const soon = () => {
      frame ||= requestAnimationFrame(look);
    };
    soon();
    addEventListener('scroll', soon, { passive: true });
    addEventListener('resize', soon);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener('scroll', soon);
      removeEventListener('resize', soon);
    };
  }, [count, rowHeight]);
  const from = Math.min(range.value.from, count);
  const to = Math.min(Math.max(range.value.to, from), count);
  return (
    <tbody ref={body}>
      <Gap rows={from} rowHeight={rowHeight} columns={columns} />
      {Array.from({ length: to - from }, (_, i) => row(from + i))}
      <Gap rows={count - to} rowHeight={rowHeight} columns={columns} />
    </tbody>
  );
}

function Gap({ rows, rowHeight, columns }: { rows: number; rowHeight: number; columns: number }) {
  if (rows === 0) return null;
  return (
    <tr>
      <td colSpan={columns} style={{ height: `${rows * rowHeight}px`, padding: 0, border: 0 }} />
    </tr>
  );
}
