import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';

/** Rows above and below the window that are there already when somebody scrolls. */
const AHEAD = 10;

/**
 * The body of a table with rows of one height, of which only those in the window exist. The others are two rows as high
 * as all of them. Whoever has scrolled into the table goes on seeing the same rows when others come in above.
 */
export function WindowedBody({
  keys,
  rowHeight,
  columns,
  row,
  onNearEnd,
}: {
  /** What tells the rows apart, in their order. */
  keys: readonly string[];
  /** In px. */
  rowHeight: number;
  columns: number;
  row(index: number): ComponentChildren;
  /** The last rows come into sight. */
  onNearEnd?(): void;
}) {
  const count = keys.length;
  const body = useRef<HTMLTableSectionElement>(null);
  const keysBefore = useRef(keys);
  const range = useSignal({ from: 0, to: 60 });
  /** The rows in the window, from its upper edge on; negative where the table begins below it. */
  const inSight = () => {
    const top = -(body.current?.getBoundingClientRect().top ?? 0);
    return { first: Math.floor(top / rowHeight), end: Math.ceil((top + innerHeight) / rowHeight) };
  };
  useLayoutEffect(() => {
    const { first, end } = inSight();
    if (first >= 0) scrollBy(0, movedBy(keysBefore.current, keys, first, end) * rowHeight);
    keysBefore.current = keys;
  }, [keys]);
  useEffect(() => {
    let frame = 0;
    const look = () => {
      frame = 0;
      const { first, end } = inSight();
      const [from, to] = [Math.max(0, first - AHEAD), end + AHEAD];
      if (from !== range.peek().from || to !== range.peek().to) range.value = { from, to };
      if (to >= count) onNearEnd?.();
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
    // The browser's own anchoring is a few px off where rows are swapped for gaps, and Safari has none.
    <tbody ref={body} style={{ overflowAnchor: 'none' }}>
      <Gap rows={from} rowHeight={rowHeight} columns={columns} />
      {Array.from({ length: to - from }, (_, i) => row(from + i))}
      <Gap rows={count - to} rowHeight={rowHeight} columns={columns} />
    </tbody>
  );
}

/** By how many rows most of those from `first` to `end` have moved down; one that was sorted elsewhere does not count. */
function movedBy(before: readonly string[], after: readonly string[], first: number, end: number): number {
  const places = new Map(after.map((key, i) => [key, i]));
  const moves = before
    .slice(first, end)
    .flatMap((key, i) => {
      const place = places.get(key);
      return place === undefined ? [] : [place - first - i];
    })
    .sort((a, b) => a - b);
  return moves[Math.floor(moves.length / 2)] ?? 0;
}

function Gap({ rows, rowHeight, columns }: { rows: number; rowHeight: number; columns: number }) {
  if (rows === 0) return null;
  return (
    <tr>
      <td colSpan={columns} style={{ height: `${rows * rowHeight}px`, padding: 0, border: 0 }} />
    </tr>
  );
}
