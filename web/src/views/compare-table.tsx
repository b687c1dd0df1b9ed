import type { Comparison } from '../../../src/client/descent.ts';
import { historyOf, jobOf } from '../api/jobs.ts';
import { seconds, short } from '../parts/format.ts';
import { tested } from '../parts/quality.ts';
import { Status } from '../parts/status.tsx';
import { useDistinct } from '../parts/use-distinct.ts';
import { href, setQuery } from '../route.ts';
import { lower, resultOf } from './compare-curves.ts';
import { type CompareState, chooseColour, coloursOf, toggleHidden } from './compare-state.ts';
import { nameById } from './job-name.ts';

const shown = (value: unknown): string =>
  value == null
    ? '–'
    : typeof value === 'number'
      ? short(value)
      : Array.isArray(value)
        ? value.join(', ')
        : String(value);

interface Props {
  state: CompareState;
  comparison: Comparison | undefined;
}

/** The parameters that differ and the results, beside the curves. */
export function CompareTable({ state, comparison }: Props) {
  const { ids, metric, of, baseline } = state;
  const different = Object.entries(comparison?.different ?? {});
  const { top, base } = useDistinct(() => {
    const measured = (id: string) => resultOf(historyOf(id).value, metric, of)?.value;
    const values = ids.map(measured).filter((value) => value !== undefined);
    return {
      top: values.length === 0 ? undefined : (lower(metric) ? Math.min : Math.max)(...values),
      base: baseline === undefined ? undefined : measured(baseline),
    };
  }, [state]);
  return (
    <div class="scroll">
      <table class="compared">
        <caption class="hidden">Parameters that differ, and results</caption>
        <thead>
          <tr>
            <th scope="col">Show</th>
            <th scope="col">Colour</th>
            <th scope="col">Job</th>
            <th scope="col" class="number">
              {of === 'best' ? 'Best' : 'Last'} {metric}
            </th>
            <th scope="col" class="number">
              Epoch
            </th>
            {baseline !== undefined && (
              <th scope="col" class="number">
                To baseline
              </th>
            )}
            {different.map(([name]) => (
              <th scope="col" key={name}>
                {name}
              </th>
            ))}
            <th scope="col" class="number" title="On the test rows">
              Accuracy
            </th>
            <th scope="col" class="number">
              Duration
            </th>
            <th scope="col">Baseline</th>
          </tr>
        </thead>
        <tbody>
          {ids.map((id) => {
            const at = comparison?.jobs.findIndex((job) => job.id === id) ?? -1;
            return (
              <Row
                key={id}
                id={id}
                state={state}
                parameters={different.map(([, perJob]) => perJob[at])}
                top={top}
                base={base}
              />
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  id: string;
  state: CompareState;
  parameters: readonly unknown[];
  /** The best result of all jobs, and the baseline's. */
  top: number | undefined;
  base: number | undefined;
}

function Row({ id, state, parameters, top, base }: RowProps) {
  const { metric, of, baseline } = state;
  const known = jobOf(id).value;
  const job = typeof known === 'object' ? known : undefined;
  const result = resultOf(historyOf(id).value, metric, of);
  return (
    <tr>
      <Handles id={id} state={state} />
      <td class="number">
        {short(result?.value)}
        {result !== undefined && result.value === top && <span title="The best of these jobs"> ★</span>}
      </td>
      <td class="number">{result?.epoch ?? '–'}</td>
      {baseline !== undefined && <td class="number">{difference(result?.value, base, id === baseline)}</td>}
      {parameters.map((value, i) => (
        <td key={i}>{shown(value)}</td>
      ))}
      <td class="number">{tested(job)}</td>
      <td class="number">{seconds(job?.result?.duration_seconds)}</td>
      <td>
        <input
          type="checkbox"
          aria-label={`${nameById(id)} is the baseline`}
          checked={id === baseline}
          onChange={() => setQuery({ baseline: id === baseline ? undefined : id })}
        />
      </td>
    </tr>
  );
}

function difference(value: number | undefined, base: number | undefined, isBase: boolean): string {
  if (value === undefined || base === undefined || isBase) return '–';
  return `${value < base ? '−' : '+'}${short(Math.abs(value - base))}`;
}

function Handles({ id, state }: { id: string; state: CompareState }) {
  const job = jobOf(id).value;
  const name = nameById(id);
  const { light, dark } = coloursOf(state).get(id)!;
  const isDark = matchMedia('(prefers-color-scheme: dark)').matches;
  return (
    <>
      <td>
        <input
          type="checkbox"
          aria-label={`Show ${name}`}
          checked={!state.hidden.has(id)}
          onChange={() => toggleHidden(state, id)}
        />
      </td>
      <td>
        <input
          type="color"
          aria-label={`Colour of ${name}`}
          value={isDark ? dark : light}
          onChange={(event) => chooseColour(state, id, event.currentTarget.value)}
        />
      </td>
      <td class="name">
        <a href={href(`jobs/${id}`)} title={id}>
          {name}
        </a>{' '}
        {typeof job === 'object' && !job.terminal && <Status status={job.status} />}
      </td>
    </>
  );
}
