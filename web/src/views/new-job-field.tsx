import type { Field } from '../api/spec-fields.ts';
import { typed } from './new-job-draft.ts';

interface Props {
  field: Field;
  /** As it was typed; undefined for the default. */
  text: string | undefined;
  errors: readonly string[];
  onText(text: string | undefined): void;
}

/** One value of the spec: its control, what the server says about it, and what is wrong with it. */
export function SpecField({ field, text, errors, onText }: Props) {
  const id = `field${field.pointer.replaceAll('/', '-')}`;
  const fallback = typed(field.default);
  const nothing = field.default === undefined ? 'automatic' : 'none';
  const shared = {
    id,
    'aria-describedby': `${id}-hint`,
    'aria-invalid': errors.length > 0,
  };
  const isChanged = text !== undefined && text !== fallback;
  return (
    <div class="field spec-field">
      <span class="row">
        <label for={id}>{field.title}</label>
        {isChanged && (
          <button type="button" class="link" onClick={() => onText(undefined)}>
            back to {fallback || nothing}
            <span class="hidden"> for {field.title}</span>
          </button>
        )}
      </span>
      {field.kind === 'choice' || field.kind === 'boolean' ? (
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
          value={text ?? fallback}
          onInput={(event) => onText(event.currentTarget.value)}
        />
      )}
      <span id={`${id}-hint`} class="hint">
        {errors.map((error) => (
          <strong key={error} class="error">
            ✕ {error}{' '}
          </strong>
        ))}
        {field.description}
        {field.default !== null && field.default !== undefined && ` Default: ${shown(field)}.`}
      </span>
    </div>
  );
}

function shown({ kind, default: value }: Field): string {
  if (kind === 'boolean') return value === true ? 'yes' : 'no';
  return typed(value) || 'none';
}
