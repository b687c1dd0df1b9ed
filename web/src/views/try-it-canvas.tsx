import { type Signal, useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { Problem } from '../parts/problem.tsx';
import { CELLS, Drawing, middleOf, type Point, pngOf, SIDE } from './try-it-drawing.ts';

/** The surface to draw on: with a pointer or finger, with the keys, or with a file. `picture` is what is on it. */
export function Canvas({ picture }: { picture: Signal<Blob | undefined> }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const drawing = useRef<Drawing | undefined>(undefined);
  const last = useRef<Point | undefined>(undefined);
  const frame = useRef(0);
  const cursor = useSignal<Point>({ x: 14, y: 6 });
  const isFocused = useSignal(false);
  const error = useSignal<unknown>(undefined);
  useEffect(() => {
    drawing.current = new Drawing(canvas.current!);
    return () => cancelAnimationFrame(frame.current);
  }, []);

  const changed = () => {
    frame.current ||= requestAnimationFrame(async () => {
      frame.current = 0;
      if (drawing.current!.isEmpty) return;
      const png = await pngOf(canvas.current!);
      // It may have been cleared meanwhile.
      if (png !== null && !drawing.current!.isEmpty) picture.value = png;
    });
  };
  const at = (event: PointerEvent): Point => {
    const box = canvas.current!.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * SIDE,
      y: ((event.clientY - box.top) / box.height) * SIDE,
    };
  };
  const draw = (from: Point, to: Point) => {
    drawing.current!.stroke(from, to);
    error.value = undefined;
    changed();
  };
  const clear = () => {
    drawing.current!.clear();
    picture.value = undefined;
    error.value = undefined;
  };
  const take = async (file: Blob | undefined) => {
    if (file === undefined) return;
    try {
      const shown = await createImageBitmap(file);
      drawing.current!.show(shown);
      shown.close();
      error.value = undefined;
      // The model gets the file itself.
      picture.value = new Blob([file], { type: 'image/png' });
    } catch {
      error.value = 'This file is no picture that the browser can read. Choose a PNG.';
    }
  };
  const press = (event: KeyboardEvent) => {
    const step = STEPS[event.key];
    const before = cursor.peek();
    if (step !== undefined) {
      const within = (value: number) => Math.max(0, Math.min(CELLS - 1, value));
      const next = { x: within(before.x + step.x), y: within(before.y + step.y) };
      cursor.value = next;
      if (event.shiftKey) draw(middleOf(before), middleOf(next));
    } else if (event.key === ' ') draw(middleOf(before), middleOf(before));
    else if (event.key === 'Delete' || event.key === 'Backspace') clear();
    else return;
    event.preventDefault();
  };
  const share = (cells: number) => `${(100 * cells) / CELLS}%`;
  return (
    <section class="card drawing" aria-label="Drawing">
      <div class="surface">
        {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: a screen reader must pass the keys on */}
        <canvas
          ref={canvas}
          width={SIDE}
          height={SIDE}
          tabIndex={0}
          role="application"
          aria-label="Draw a digit"
          aria-describedby="drawing-keys"
          onPointerDown={(event) => {
            if (event.button !== 0) return;
            event.currentTarget.setPointerCapture(event.pointerId);
            last.current = at(event);
            draw(last.current, last.current);
          }}
          onPointerMove={(event) => {
            if (last.current === undefined) return;
            const next = at(event);
            draw(last.current, next);
            last.current = next;
          }}
          onLostPointerCapture={() => {
            last.current = undefined;
          }}
          onKeyDown={press}
          onDragOver={(event) => event.preventDefault()}
          onDrop={(event) => {
            event.preventDefault();
            void take(event.dataTransfer?.files[0]);
          }}
          onFocus={(event) => {
            isFocused.value = event.currentTarget.matches(':focus-visible');
          }}
          onBlur={() => {
            isFocused.value = false;
          }}
        />
        {isFocused.value && (
          <span class="cursor" style={{ left: share(cursor.value.x), top: share(cursor.value.y) }} />
        )}
      </div>
      <p class="row">
        <button type="button" onClick={clear}>
          Clear
        </button>
        <label class="button file">
          Choose a PNG
          <input
            class="hidden"
            type="file"
            accept="image/png"
            onChange={(event) => {
              void take(event.currentTarget.files?.[0]);
              event.currentTarget.value = '';
            }}
          />
        </label>
      </p>
      <Problem error={error.value} />
      <p id="drawing-keys" class="faint">
        Draw with a finger or the mouse, or drop a PNG here. Keys: arrows move, Shift and an arrow draws,
        Space makes a dot, Delete clears.
      </p>
    </section>
  );
}

const STEPS: Readonly<Record<string, Point>> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};
