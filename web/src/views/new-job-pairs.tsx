import type { Pairs } from './new-job-draft.ts';

interface Props {
  pairs: Pairs;
  /** Keys to choose from; any other may be typed. */
  keys?: readonly string[] | undefined;
  onPairs(pairs: Pairs): void;
}

/** Keys and values, as many as somebody wants. */
export function PairRows({ pairs, keys = [], onPairs }: Props) {
  const change = (at: number, pair: readonly [string, string]) => onPairs(pairs.with(at, pair));
  return (
    <>
      {pairs.map(([key, value], at) => (
        <div key={at} class="pair">
          <input
            aria-label={`Key ${at + 1}`}
            placeholder="key"
            list={keys.length === 0 ? undefined : 'pair-keys'}
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
            onClick={() => onPairs(pairs.toSpliced(at, 1))}
          >
            ✕
          </button>
        </div>
      ))}
      {keys.length > 0 && (
        <datalist id="pair-keys">
          {keys.map((key) => (
            <option key={key} value={key} />
          ))}
        </datalist>
      )}
      <button type="button" onClick={() => onPairs([...pairs, [keys[pairs.length] ?? '', '']])}>
        Add a pair
      </button>
    </>
  );
}

interface MetadataProps extends Props {
  description: string;
  errors: readonly string[];
}

/** Pairs of somebody's own. */
export function Metadata({ description, errors, ...pairs }: MetadataProps) {
  return (
    <fieldset class="card section">
      <legend>Metadata</legend>
      <p class="faint">{description}</p>
      {errors.map((error) => (
        <p key={error} class="error">
          ✕ {error}
        </p>
      ))}
      <PairRows {...pairs} />
    </fieldset>
  );
}
