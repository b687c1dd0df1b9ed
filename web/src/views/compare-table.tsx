import type { Comparison } from '../../../src/client/descent.ts';
import { seconds, short } from '../parts/format.ts';
import { tested } from '../parts/quality.ts';
import { Status } from '../parts/status.tsx';
import { href, setQuery } from '../route.ts';
import { type Compared, lower, resultOf } from './compare-curves.ts';
import { type CompareState, chooseColour, coloursOf, toggleHidden } from './compare-state.ts';

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
  compared: readonly Compared[];
  comparison: Comparison | undefined;
}

/** The parameters that differ and the results, beside the curves. */
export function CompareTable({ state, compared, comparison }: Props) {
  const { metric, of, baseline } = state;
  const different = Object.entries(comparison?.different ?? {});
  const results = new Map(compared.map(({ id, rows }) => [id, resultOf(rows, metric, of)]));
  const base = baseline === undefined ? undefined : results.get(baseline)?.value;
  const values = [...results.values()].flatMap((result) => (result ? [result.value] : []));
  const top = values.length === 0 ? undefined : (lower(metric) ? Math.min : Math.max)(...values);
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
          {compared.map((one) => {
            const result = results.get(one.id);
            const at = comparison?.jobs.findIndex(({ id }) => id === one.id) ?? -1;
            return (
              <tr key={one.id}>
                <Handles one={one} state={state} />
                <td class="number">
                  {short(result?.value)}
                  {result !== undefined && result.value === top && (
                    <span title="The best of these jobs"> ★</span>
                  )}
                </td>
                <td class="number">{result?.epoch ?? '–'}</td>
                {baseline !== undefined && (
                  <td class="number">{difference(result?.value, base, one.id === baseline)}</td>
                )}
                {different.map(([name, perJob]) => (
                  <td key={name}>{shown(perJob[at])}</td>
                ))}
                <td class="number">{tested(one.job)}</td>
                <td class="number">{seconds(one.job?.result?.duration_seconds)}</td>
                <td>
                  <input
                    type="checkbox"
                    aria-label={`${one.name} is the baseline`}
                    checked={one.id === baseline}
                    onChange={() => setQuery({ baseline: one.id === baseline ? undefined : one.id })}
                  />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function difference(value: number | undefined, base: number | undefined, isBase: boolean): string {
  if (value === undefined || base === undefined || isBase) return '–';
  return `${value < base ? '−' : '+'}${short(Math.abs(value - base))}`;
}

function Handles({ one: { id, name, job }, state }: { one: Compared; state: CompareState }) {
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
        {job !== undefined && !job.terminal && <Status status={job.status} />}
      </td>
    </>
  );
}
