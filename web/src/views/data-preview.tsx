import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { DatasetDetail, UploadOptions } from '../../../src/client/types.ts';
import { upload } from '../api/datasets.ts';
import { forgetDatasets } from '../api/datasets-known.ts';
import { bytes } from '../parts/format.ts';
import { Problem } from '../parts/problem.tsx';
import { useLoaded } from '../parts/use-loaded.ts';
import { go, href } from '../route.ts';
import { FORMATS, optionFields } from './data-options.ts';
import { Refused } from './data-refused.tsx';
import { Schema } from './data-schema.tsx';
import { SpecField } from './new-job-field.tsx';

export interface Chosen {
  /** Tells choices apart. */
  time: number;
  file: File;
  format: string;
  name: string;
}

interface Asked {
  /** By pointer, as they were typed. */
  edits: Readonly<Record<string, string>>;
  format: string;
}

interface State {
  /** What was asked of the file last. */
  asked: Asked;
  /** What it would make. */
  made?: DatasetDetail;
  error?: unknown;
  /** Share of the bytes that are sent; undefined when nothing is under way. */
  sent?: number;
  isKeeping?: boolean;
}

/** A dry run keeps nothing, so any name will do. */
const NO_NAME = 'preview';

/** What a file would make, how that can be overruled, and the button that keeps it. */
export function Preview({ chosen, onClose }: { chosen: Chosen; onClose(): void }) {
  const { file } = chosen;
  const name = useSignal(chosen.name);
  const asking = useSignal<Asked>({ edits: {}, format: chosen.format });
  const state = useSignal<State>({ asked: asking.peek() });
  const stop = useRef(new AbortController());
  const fields = useLoaded(optionFields, []).value;

  const send = async (isKeeping: boolean) => {
    stop.current.abort();
    stop.current = new AbortController();
    const { signal } = stop.current;
    const asked = asking.peek();
    const made = state.peek().made;
    state.value = { asked, isKeeping, sent: 0, ...(isKeeping && made && { made }) };
    try {
      const dataset = await upload({
        name: isKeeping ? name.peek() : NO_NAME,
        file,
        options: optionsOf(asked, !isKeeping),
        signal,
        onProgress: (sent) => {
          if (!signal.aborted) state.value = { ...state.peek(), sent };
        },
      });
      if (signal.aborted) return;
      if (isKeeping) forgetDatasets();
      if (isKeeping) go(href(`data/${dataset.name}`));
      else state.value = { asked, made: dataset };
    } catch (error) {
      if (!signal.aborted) state.value = { asked, error, ...(isKeeping && made && { made }) };
    }
  };
  useEffect(() => {
    void send(false);
    return () => stop.current.abort();
  }, []);

  const { asked, made, error, sent, isKeeping } = state.value;
  const { edits, format } = asking.value;
  const isRead = made !== undefined && asked === asking.value;
  return (
    <section class="card preview" aria-label={`What ${file.name} would make`}>
      <div class="head">
        <h2>
          {file.name} <span class="faint">{bytes(file.size)}</span>
        </h2>
        <button type="button" onClick={onClose}>
          Put it away
        </button>
      </div>
      <form
        class="options"
        onSubmit={(event) => {
          event.preventDefault();
          void send(false);
        }}
        noValidate
      >
        <details>
          <summary>How to read it</summary>
          <div class="fields">
            <div class="field spec-field">
              <span class="row">
                <label for="upload-format">Format</label>
              </span>
              <select
                id="upload-format"
                value={format}
                onChange={(event) => {
                  asking.value = { edits: {}, format: event.currentTarget.value };
                }}
              >
                {FORMATS.map((each) => (
                  <option key={each}>{each}</option>
                ))}
              </select>
            </div>
            {fields.value?.(format).map((field) => (
              <SpecField
                key={field.pointer}
                field={field}
                text={edits[field.pointer]}
                errors={[]}
                onText={(text) => {
                  const { [field.pointer]: _, ...others } = edits;
                  asking.value = { format, edits: text ? { ...others, [field.pointer]: text } : others };
                }}
              />
            ))}
          </div>
          <Problem error={fields.error} />
        </details>
        {asked !== asking.value && (
          <button type="submit" class="primary">
            Read it again
          </button>
        )}
      </form>
      <div role="status">
        {sent !== undefined && <Sending sent={sent} size={file.size} isKeeping={isKeeping === true} />}
      </div>
      <Refused error={error} />
      {made !== undefined && <Schema dataset={made} />}
      {made !== undefined && (
        <form
          class="row keep"
          onSubmit={(event) => {
            event.preventDefault();
            void send(true);
          }}
          noValidate
        >
          <label>
            Name
            <input
              type="text"
              autocomplete="off"
              spellcheck={false}
              value={name.value}
              aria-describedby="upload-name-hint"
              onInput={(event) => {
                name.value = event.currentTarget.value;
              }}
            />
          </label>
          <button type="submit" class="primary" disabled={!isRead || sent !== undefined}>
            Keep it
          </button>
          <span id="upload-name-hint" class="faint">
            {isRead
              ? 'Job specs use this name: lowercase letters, digits, _ and -.'
              : 'Read it again before you keep it.'}
          </span>
        </form>
      )}
    </section>
  );
}

/** The server checks them. */
const optionsOf = ({ edits, format }: Asked, isDryRun: boolean): UploadOptions => ({
  ...Object.fromEntries(Object.entries(edits).map(([pointer, text]) => [pointer.slice(1), text])),
  format: format as NonNullable<UploadOptions['format']>,
  ...(isDryRun && { dry_run: 'true' as const }),
});

function Sending({ sent, size, isKeeping }: { sent: number; size: number; isKeeping: boolean }) {
  return (
    <p class="faint">
      <progress value={sent < 1 ? sent : undefined} max={1} aria-label="Upload" />
      {sent < 1
        ? `${bytes(Math.round(sent * size))} of ${bytes(size)} sent`
        : `All sent: the server ${isKeeping ? 'keeps' : 'reads'} it …`}
    </p>
  );
}
