import { useRef } from 'preact/hooks';
import type { Field, Section } from '../api/spec-fields.ts';
import { type Edits, fieldsIn } from './new-job-draft.ts';
import { SpecField } from './new-job-field.tsx';

/** What most jobs change, with what is in it. Other fields are folded. */
const OFTEN_CHANGED = [
  '/name',
  '/dataset',
  '/model/hidden_units',
  '/model/activation',
  '/model/dropout',
  '/optimizer/type',
  '/optimizer/learning_rate',
  '/training/epochs',
  '/training/batch_size',
  '/training/seed',
  '/training/early_stopping',
];

const isOftenChanged = ({ pointer }: Field): boolean =>
  OFTEN_CHANGED.some((often) => pointer === often || pointer.startsWith(`${often}/`));

interface Props {
  section: Section;
  edits: Edits;
  errorsOf(field: Field): readonly string[];
  suggestionsFor(field: Field): readonly string[];
  onText(key: string, text: string | undefined): void;
}

/** A part of the spec. Its folded fields are shown as soon as one of them is changed or wrong, and then stay. */
export function SpecSection({ section, edits, errorsOf, suggestionsFor, onText }: Props) {
  const fields = fieldsIn(section.nodes, edits);
  const others = fields.filter((field) => !isOftenChanged(field));
  const isOpen = useRef(false);
  isOpen.current ||= others.some((field) => edits[field.key] !== undefined || errorsOf(field).length > 0);
  const shown = (some: readonly Field[]) => (
    <div class="fields">
      {some.map((field) => (
        <SpecField
          key={field.key}
          field={field}
          text={edits[field.key]}
          errors={errorsOf(field)}
          suggestions={suggestionsFor(field)}
          onText={(text) => onText(field.key, text)}
        />
      ))}
    </div>
  );
  return (
    <fieldset class="card section">
      <legend>{section.title}</legend>
      {section.description !== '' && <p class="faint">{section.description}</p>}
      {shown(fields.filter(isOftenChanged))}
      {others.length > 0 && (
        <details open={isOpen.current}>
          <summary>
            More <span class="faint">{others.map(({ title }) => title.toLowerCase()).join(', ')}</span>
          </summary>
          {shown(others)}
        </details>
      )}
    </fieldset>
  );
}
