import type { Draft } from './new-job-draft.ts';

interface Props {
  rows: Draft['metadata'];
  description: string;
  errors: readonly string[];
  onRows(rows: Draft['metadata']): void;
}

/** Pairs of somebody's own. */
export function MetadataRows({ rows, description, errors, onRows }: Props) {
  const change = (at: number, row: readonly [string, string]) => onRows(rows.with(at, row));
  return (
    <fieldset class="card section">
      <legend>Metadata</legend>
      <p class="faint">{description}</p>
      {errors.map((error) => (
        <p key={error} class="error">
          ✕ {error}
        </p>
      ))}
      {rows.map(([key, value], at) => (
        <div key={at} class="pair">
          <input
            aria-label={`Key ${at + 1}`}
            placeholder="key"
            value={key}
            onInput={(event) => change(at, [event.currentTarget.value, value])}
          />
          <input
            aria-label={`Value ${at + 1}`}
            placeholder="value"
            value={value}
            onInput={(event) => change(at, [key, event.currentTarget.value])}
          />
          <button
            type="button"
            aria-label={`Remove pair ${at + 1}`}
            onClick={() => onRows(rows.toSpliced(at, 1))}
          >
            ✕
          </button>
        </div>
      ))}
      <button type="button" onClick={() => onRows([...rows, ['', '']])}>
        Add a pair
      </button>
    </fieldset>
  );
}
