import type { Field } from '../api/spec-fields.ts';
import { pairsOf, textOfPairs, typed } from './new-job-draft.ts';
import { PairRows } from './new-job-pairs.tsx';

interface Props {
  field: Field;
  /** As it was typed; undefined for the default. */
  text: string | undefined;
  errors: readonly string[];
  /** Texts, or keys, to choose from; any other may be typed. */
  suggestions?: readonly string[];
  onText(text: string | undefined): void;
}

/** One value of the spec: its control, what the server says about it, and what is wrong with it. */
export function SpecField({ field, text, errors, suggestions = [], onText }: Props) {
  const id = `field${field.key.replaceAll(/[/#]/g, '-')}`;
  const fallback = typed(field.default);
  const nothing = field.default === undefined ? 'automatic' : 'none';
  const shared = {
    id,
    'aria-describedby': `${id}-hint`,
    'aria-invalid': errors.length > 0,
  };
  const isChanged = field.kind !== 'pairs' && text !== undefined && text !== fallback;
  return (
    <div class="field spec-field">
      <span class="row">
        {field.kind === 'pairs' ? <b id={id}>{field.title}</b> : <label for={id}>{field.title}</label>}
        {isChanged && (
          <button type="button" class="link" onClick={() => onText(undefined)}>
            back to {fallback || nothing}
            <span class="hidden"> for {field.title}</span>
          </button>
        )}
      </span>
      {field.kind === 'pairs' ? (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset in a grid
        <div role="group" aria-labelledby={id} aria-describedby={`${id}-hint`}>
          <PairRows
            pairs={pairsOf(text)}
            keys={suggestions}
            onPairs={(pairs) => onText(pairs.length === 0 ? undefined : textOfPairs(pairs))}
          />
        </div>
      ) : field.kind === 'choice' || field.kind === 'boolean' ? (
        <select {...shared} value={text ?? fallback} onChange={(event) => onText(event.currentTarget.value)}>
          {(field.kind === 'boolean' ? ['false', 'true'] : field.options).map((option) => (
            <option key={option} value={option}>
              {field.kind === 'boolean' ? (option === 'true' ? 'yes' : 'no') : option || nothing}
              {option === fallback ? ' (default)' : ''}
            </option>
          ))}
        </select>
      ) : (
        <input
          {...shared}
          type="text"
          inputMode={field.kind === 'number' ? 'decimal' : 'text'}
          autocomplete="off"
          placeholder={fallback || nothing}
          list={suggestions.length === 0 ? undefined : `${id}-list`}
          value={text ?? fallback}
          onInput={(event) => onText(event.currentTarget.value)}
        />
      )}
      {field.kind === 'text' && suggestions.length > 0 && (
        <datalist id={`${id}-list`}>
          {suggestions.map((each) => (
            <option key={each} value={each} />
          ))}
        </datalist>
      )}
      <span id={`${id}-hint`} class="hint">
        {errors.map((error) => (
          <strong key={error} class="error">
            ✕ {error}{' '}
          </strong>
        ))}
        {field.description}
        {field.kind !== 'pairs' &&
          field.default !== null &&
          field.default !== undefined &&
          ` Default: ${shown(field)}.`}
      </span>
    </div>
  );
}

function shown({ kind, default: value }: Field): string {
  if (kind === 'boolean') return value === true ? 'yes' : 'no';
  return typed(value) || 'none';
}
