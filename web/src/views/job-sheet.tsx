import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { EvaluationRows } from '../../../src/client/descent.ts';

/** px between the pictures of a sheet, and around them, as the API draws it. */
const GAP = 4;

/** The pictures of a sheet one by one, each with its row. They come as one file: rows.png has them line by line. */
export function Sheet({ src, rows }: { src: string; rows: EvaluationRows['data'] }) {
  const size = useSignal<{ src: string; width: number; height: number } | undefined>(undefined);
  useEffect(() => {
    const image = new Image();
    image.onload = () => {
      size.value = { src, width: image.naturalWidth, height: image.naturalHeight };
    };
    image.src = src;
    return () => {
      image.onload = null;
    };
  }, [src]);
  const columns = Math.ceil(Math.sqrt(rows.length));
  const lines = Math.ceil(rows.length / columns);
  const sheet = size.value?.src === src ? size.value : undefined;
  const width = sheet === undefined ? 56 : (sheet.width - GAP) / columns - GAP;
  const height = sheet === undefined ? 56 : (sheet.height - GAP) / lines - GAP;
  return (
    <ul class="pictures">
      {rows.map(({ index, actual, predicted }, k) => (
        <li key={index}>
          <div
            class="picture"
            role="img"
            aria-label={`Row ${index}: ${actual}, the model said ${predicted}`}
            style={{
              width: `${width}px`,
              height: `${height}px`,
              backgroundImage: sheet === undefined ? 'none' : `url("${src}")`,
              backgroundPosition: `-${GAP + (k % columns) * (width + GAP)}px -${GAP + Math.floor(k / columns) * (height + GAP)}px`,
            }}
          />
          <span class="faint">{index}</span>
        </li>
      ))}
    </ul>
  );
}
