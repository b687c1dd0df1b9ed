import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { caller } from '../api/server.ts';
import { Problem } from '../parts/problem.tsx';
import { type Chosen, Preview } from './data-preview.tsx';
import { formatOfFile, nameOfFile } from './data-texts.ts';

/** A place for a file: what would be made of it is shown before it is kept. */
export function Upload() {
  const chosen = useSignal<Chosen | undefined>(undefined);
  const isOver = useSignal(false);
  const error = useSignal<unknown>(undefined);
  const input = useRef<HTMLInputElement>(null);
  const times = useRef(0);
  useEffect(keepFilesOnPage, []);
  if (caller.value?.role === 'reader') return null;

  const take = async (file: File | undefined) => {
    if (file === undefined) return;
    error.value = undefined;
    const time = ++times.current;
    try {
      const format = await formatOfFile(file);
      if (time === times.current) chosen.value = { time, file, format, name: nameOfFile(file.name) };
    } catch {
      error.value = `${file.name} cannot be read. Choose a file: folders of pictures come as a ZIP archive.`;
    }
  };
  const close = () => {
    chosen.value = undefined;
    input.current?.focus();
  };
  return (
    <>
      <section
        class={`card drop ${isOver.value ? 'over' : ''}`}
        aria-label="Add a dataset"
        onDragOver={(event) => {
          event.preventDefault();
          isOver.value = true;
        }}
        onDragLeave={() => {
          isOver.value = false;
        }}
        onDrop={(event) => {
          event.preventDefault();
          isOver.value = false;
          void take(event.dataTransfer?.files[0]);
        }}
      >
        <label class="button file">
          Choose a file
          <input
            ref={input}
            class="hidden"
            type="file"
            onChange={(event) => {
              void take(event.currentTarget.files?.[0]);
              event.currentTarget.value = '';
            }}
          />
        </label>
        <span>
          or drop one here: a table (CSV, Parquet), NumPy arrays (NPZ), or a ZIP archive of pictures in a
          folder for each class, or of IDX files.
        </span>
        <Problem error={error.value} />
      </section>
      {chosen.value !== undefined && (
        <Preview key={chosen.value.time} chosen={chosen.value} onClose={close} />
      )}
    </>
  );
}

/** A file that is dropped beside its place would be opened by the browser, and the page would be gone. */
function keepFilesOnPage(): () => void {
  const keep = (event: DragEvent) => event.preventDefault();
  addEventListener('dragover', keep);
  addEventListener('drop', keep);
  return () => {
    removeEventListener('dragover', keep);
    removeEventListener('drop', keep);
  };
}
