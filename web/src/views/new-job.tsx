import { useSignal } from '@preact/signals';
import { useMemo, useRef } from 'preact/hooks';
import { makeKey } from '../../../src/client/descent.ts';
import { datasetNames, datasetOf } from '../api/datasets-known.ts';
import { remember } from '../api/jobs.ts';
import { descent } from '../api/server.ts';
import { type SpecFields, specFields } from '../api/spec-fields.ts';
import { Problem } from '../parts/problem.tsx';
import { useLoaded } from '../parts/use-loaded.ts';
import { go, href, route } from '../route.ts';
import { type Draft, draftOf, EMPTY, fieldsIn, specOf } from './new-job-draft.ts';
import { Metadata } from './new-job-pairs.tsx';
import { Plan } from './new-job-plan.tsx';
import { sortErrors, usePlan } from './new-job-plan-of.ts';
import { SpecSection } from './new-job-section.tsx';
import { Snippets } from './new-job-snippets.tsx';

/** The form is made from what the server says a spec is. `from` fills it with the spec of a job, `dataset` with one. */
export function NewJob() {
  const { query } = route.value;
  const from = query.get('from');
  const dataset = query.get('dataset');
  const loaded = useLoaded(
    async (signal) => {
      const [fields, job] = await Promise.all([
        specFields(),
        from === null ? undefined : descent.jobs.get(from, { signal }),
      ]);
      const empty = dataset === null ? EMPTY : { ...EMPTY, edits: { '/dataset': dataset } };
      const draft = job === undefined ? empty : draftOf(job.spec, fields.sections);
      return { fields, draft, key: `${from} ${dataset}` };
    },
    [from, dataset],
  );
  const { value, error } = loaded.value;
  return (
    <>
      <div class="head">
        <h1>{from === null ? 'New job' : 'Again with changes'}</h1>
      </div>
      <Problem error={error} />
      {error !== undefined && from !== null && <a href={href('new')}>Begin with the defaults</a>}
      {value !== undefined && value.key === `${from} ${dataset}` && (
        <Form key={value.key} fields={value.fields} initial={value.draft} />
      )}
    </>
  );
}

const METADATA = { key: '/metadata', pointer: '/metadata' };

function Form({ fields, initial }: { fields: SpecFields; initial: Draft }) {
  const draft = useSignal(initial);
  const sendError = useSignal<unknown>(undefined);
  const isSending = useSignal(false);
  const { edits, metadata } = draft.value;
  const { sections } = fields;
  const spec = specOf(draft.value, sections);
  const verdict = usePlan(spec).value;
  const shown = sections.flatMap(({ nodes }) => fieldsIn(nodes, edits));
  const { at, rest } = sortErrors(verdict.error, [...shown, METADATA]);
  const names = datasetNames();
  const dataset = edits['/dataset'] ?? String(shown.find(({ pointer }) => pointer === '/dataset')?.default);
  const classes = (names.includes(dataset) ? datasetOf(dataset)?.classes : null) ?? [];
  const key = useIdempotencyKey(JSON.stringify(spec));
  const form = useRef<HTMLFormElement>(null);

  const edit = (key: string, text: string | undefined) => {
    const { [key]: _, ...others } = draft.peek().edits;
    draft.value = {
      ...draft.peek(),
      edits: text === undefined ? others : { ...others, [key]: text },
    };
    sendError.value = undefined;
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isSending.peek()) return;
    isSending.value = true;
    try {
      const job = await descent.jobs.create(spec, { idempotencyKey: key });
      remember(job);
      go(href(`jobs/${job.id}`));
    } catch (reason) {
      sendError.value = reason;
      form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
    } finally {
      isSending.value = false;
    }
  };
  return (
    <form ref={form} class="new-job" onSubmit={(event) => void submit(event)} noValidate>
      <div class="sections">
        <Problem error={rest} />
        {sections.map((section) => (
          <SpecSection
            key={section.title}
            section={section}
            edits={edits}
            errorsOf={(field) => at.get(field.key) ?? []}
            suggestionsFor={({ pointer, kind }) =>
              pointer === '/dataset' ? names : kind === 'pairs' ? classes : []
            }
            onText={edit}
          />
        ))}
        <Metadata
          pairs={metadata}
          description={fields.metadata}
          errors={at.get(METADATA.key) ?? []}
          onPairs={(pairs) => {
            draft.value = { ...draft.peek(), metadata: pairs };
          }}
        />
      </div>
      <aside class="beside">
        <div class="card send">
          <button type="submit" class="primary" disabled={isSending.value}>
            Train it
          </button>
          <Problem error={sendError.value} />
          <p class={at.size > 0 ? 'error' : 'faint'} role="status">
            {verdictOf(at.size, verdict.isCurrent, rest)}
          </p>
        </div>
        <Plan plan={verdict.plan} isCurrent={verdict.isCurrent} />
        <Snippets spec={spec} />
      </aside>
    </form>
  );
}

function verdictOf(wrong: number, isCurrent: boolean, rest: unknown): string {
  if (wrong > 0) return `✕ ${wrong} ${wrong === 1 ? 'field needs' : 'fields need'} a change.`;
  if (rest !== undefined) return 'It cannot be trained as it is.';
  return isCurrent ? '✓ Ready to train.' : 'Asking the server …';
}

/** One for each spec: however often it is sent from this form, it is one job. */
function useIdempotencyKey(spec: string): string {
  return useMemo(makeKey, [spec]);
}
