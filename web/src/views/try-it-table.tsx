import { useSignal } from '@preact/signals';
import type { DatasetDetail, DatasetRows, Job } from '../../../src/client/descent.ts';
import { datasets } from '../api/datasets.ts';
import { jobOf } from '../api/jobs.ts';
import { descent } from '../api/server.ts';
import { percent, short } from '../parts/format.ts';
import { Problem } from '../parts/problem.tsx';
import { useLoaded } from '../parts/use-loaded.ts';
import { href, setQuery } from '../route.ts';
import { titleOf } from './job-name.ts';
import { Tail } from './job-tail.tsx';
import { Boundary } from './try-it-boundary.tsx';
import { Picker } from './try-it-draw.tsx';
import { EpochChoice, useEpochs } from './try-it-epochs.tsx';
import { againMs, modelOf } from './try-it-model.ts';

/** Train rows that the ranges of columns are taken from, and that are drawn. */
const ROWS = 500;

type Cell = string | number | null;

/** A column of the form. */
interface Input {
  name: string;
  /** undefined for a number. */
  values: readonly string[] | undefined;
  hint: string;
  initial: string;
}

/** Ask the model of a table: a row by its columns, and, where a row is a point in a plane, all points at once. */
export function TryTable({ id, best }: { id: string; best: readonly string[] }) {
  const job = jobOf(id).value;
  const dataset = typeof job === 'object' ? job.spec.dataset : undefined;
  const loaded = useLoaded(
    async (signal) => {
      if (dataset === undefined) return undefined;
      const [detail, rows] = await Promise.all([
        datasets.get(dataset, { signal }),
        datasets.rows(dataset, { split: 'train', limit: ROWS, signal }),
      ]);
      return { detail, rows: rows.data };
    },
    [dataset],
  );
  const { value, error } = loaded.value;
  return (
    <>
      <Picker ids={[id]} best={best} onChoose={([next]) => setQuery({ jobs: next, epoch: undefined })} />
      <Problem error={error} />
      {value !== undefined && typeof job === 'object' && <Asking key={id} job={job} {...value} />}
    </>
  );
}

function Asking({ job, detail, rows }: { job: Job; detail: DatasetDetail; rows: DatasetRows['data'] }) {
  const epochs = useEpochs(job);
  if (epochs === undefined) return <p class="faint">Loading …</p>;
  const { asked } = epochs;
  return (
    <>
      <EpochChoice {...epochs} />
      <div class="grid">
        {isPlane(detail) && <Boundary job={job} epoch={asked} dataset={detail} rows={rows} />}
        <Ask job={job} epoch={asked} inputs={inputsOf(detail, rows)} />
      </div>
    </>
  );
}

/** Whether its rows are points with a class. */
const isPlane = ({ inputs, classes, columns }: DatasetDetail): boolean =>
  inputs === 2 && classes !== null && (columns === null || columns.length === 2);

/** A table that was not read from columns has numbers alone. */
function inputsOf({ columns, inputs }: DatasetDetail, rows: DatasetRows['data']): Input[] {
  if (columns === null) {
    return Array.from({ length: inputs }, (_, i) => {
      const values = rows.map((row) => Number(row.values[i]));
      const [from, to] = [Math.min(...values), Math.max(...values)];
      return { name: `x${i + 1}`, values: undefined, hint: range(from, to), initial: short((from + to) / 2) };
    });
  }
  return columns.map((column) =>
    column.type === 'number'
      ? {
          name: column.name,
          values: undefined,
          hint: range(column.min, column.max),
          initial: String(Number(column.mean.toPrecision(6))),
        }
      : { name: column.name, values: column.values, hint: '', initial: column.values[0] ?? '' },
  );
}

const range = (from: number, to: number): string => `${short(from)} to ${short(to)} in the train rows`;

/** Empty is not known; what is no number is sent as it is, so that the server says what is wrong. */
function cellOf(text: string, { values }: Input): Cell {
  if (text === '') return null;
  return values === undefined && Number.isFinite(Number(text)) ? Number(text) : text;
}

interface AskProps {
  job: Job;
  /** Of the checkpoint that is asked, if it is not the model or the newest. */
  epoch: number | undefined;
  inputs: readonly Input[];
}

function Ask({ job, epoch, inputs }: AskProps) {
  const texts = useSignal<readonly string[]>(inputs.map(({ initial }) => initial));
  const row = inputs.map((input, i) => cellOf(texts.value[i]!, input));
  const { id, status } = job;
  const loaded = useLoaded(
    async (signal) => {
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      signal.throwIfAborted();
      return await descent.jobs.predict(id, [row], { ...modelOf(job, epoch), signal });
    },
    [JSON.stringify(row), status, epoch],
    againMs(job),
  );
  const { value: said, error } = loaded.value;
  // Until the first checkpoint there is nothing to ask.
  const isEarly = !job.terminal && said === undefined;
  return (
    <section class="card" aria-labelledby="ask">
      <h2 id="ask">
        <a href={href(`jobs/${id}`)}>{titleOf(job)}</a> <Tail job={job} />
      </h2>
      <div class="fields">
        {inputs.map((input, i) => {
          const at = `ask-${i}`;
          const change = (text: string) => {
            texts.value = texts.peek().with(i, text);
          };
          return (
            <div key={input.name} class="field spec-field">
              <label for={at}>{input.name}</label>
              {input.values === undefined ? (
                <input
                  id={at}
                  type="text"
                  inputMode="decimal"
                  autocomplete="off"
                  placeholder="not known"
                  aria-describedby={`${at}-hint`}
                  value={texts.value[i]}
                  onInput={(event) => change(event.currentTarget.value)}
                />
              ) : (
                <select
                  id={at}
                  value={texts.value[i]}
                  onChange={(event) => change(event.currentTarget.value)}
                >
                  {input.values.map((value) => (
                    <option key={value}>{value}</option>
                  ))}
                  <option value="">not known</option>
                </select>
              )}
              <span id={`${at}-hint`} class="hint">
                {input.hint}
              </span>
            </div>
          );
        })}
      </div>
      <Problem error={isEarly ? undefined : error} />
      {isEarly && <p class="faint">Waiting for the first checkpoint …</p>}
      <Answer said={error === undefined ? said : undefined} />
    </section>
  );
}

/** How long somebody types before the model is asked. */
const PAUSE_MS = 150;

function Answer({ said }: { said: Awaited<ReturnType<typeof descent.jobs.predict>> | undefined }) {
  if (said === undefined) return null;
  if (said.task === 'regression') {
    return (
      <p class="said" role="status">
        It says <strong>{short(said.data[0]!.value)}</strong>
      </p>
    );
  }
  const { label, class: chosen, probabilities } = said.data[0]!;
  return (
    <>
      <p class="said" role="status">
        It says <strong>{label}</strong>
      </p>
      <table class="bars">
        <caption class="hidden">Probability of each class</caption>
        <tbody>
          {said.classes.map((name, at) => (
            <tr key={name} class={at === chosen ? 'chosen' : ''}>
              <th scope="row">{name}</th>
              <td>
                <span class="bar" style={{ width: `${100 * probabilities[at]!}%` }} />
              </td>
              <td class="number">{percent(probabilities[at])}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
