import { useEffect, useRef } from 'preact/hooks';
import { fileOf } from '../api/files.ts';
import { descent } from '../api/server.ts';
import { whole } from '../parts/format.ts';
import { Problem } from '../parts/problem.tsx';
import { useLoaded } from '../parts/use-loaded.ts';
import { setQuery } from '../route.ts';
import { Sheet } from './job-sheet.tsx';

/** A cell of the confusion matrix, by the labels of its classes. */
export interface Cell {
  actual: string | undefined;
  predicted: string | undefined;
}

const PAGE = 48;

interface Props {
  id: string;
  cell: Cell;
  /** Whether somebody chose it. */
  isAsked: boolean;
  from: number;
}

/** The test rows of a cell as pictures, or by their numbers. */
export function CellRows({ id, cell, isAsked, from }: Props) {
  const { actual, predicted } = cell;
  const isChosen = actual !== undefined && predicted !== undefined;
  const loaded = useLoaded(
    async (signal) =>
      isChosen
        ? {
            ...(await descent.jobs.evaluationRows(id, { actual, predicted, from, limit: PAGE, signal })),
            ...cell,
            from,
          }
        : undefined,
    [id, actual, predicted, from],
  );
  const place = useRef<HTMLElement>(null);
  useEffect(() => {
    if (isAsked) place.current?.scrollIntoView({ block: 'nearest' });
  }, [actual, predicted, isAsked]);
  // What is shown belongs together, also while the next cell is on its way.
  const { value, error } = loaded.value;
  if (!isChosen) return <p class="cell-rows faint">The model is right on every test row.</p>;
  const shown = value ?? { ...cell, from };
  const isStale = shown.actual !== actual || shown.predicted !== predicted || shown.from !== from;
  return (
    <section class="cell-rows" ref={place} aria-live="polite" aria-busy={isStale && error === undefined}>
      <h3>{headingOf(shown)}</h3>
      <Problem error={error} />
      {value === undefined && error === undefined && <p class="faint">Loading …</p>}
      {value !== undefined && (
        <>
          <p class="faint">
            {value.total === 0
              ? 'No test row is like that.'
              : `${whole(value.data.length)} of ${whole(value.total)} rows${shown.from > 0 ? `, from row ${whole(shown.from)} on` : ''}`}
          </p>
          {value.links.images === null && <p>{value.data.map(({ index }) => index).join(', ')}</p>}
          {value.links.images !== null && value.data.length > 0 && (
            <Sheet src={fileOf(id, '/evaluation/rows.png', queryOf(value.links.images))} rows={value.data} />
          )}
          <div class="row">
            {from > 0 && (
              <button type="button" onClick={() => setQuery({ from: undefined })}>
                First
              </button>
            )}
            {value.next !== null && (
              <button type="button" onClick={() => setQuery({ from: String(value.data.at(-1)!.index + 1) })}>
                Next
              </button>
            )}
          </div>
        </>
      )}
    </section>
  );
}

const headingOf = ({ actual, predicted }: Cell): string =>
  actual === predicted ? `${actual}, and the model said so` : `${actual}, but the model said ${predicted}`;

const queryOf = (path: string): Record<string, string> =>
  Object.fromEntries(new URLSearchParams(path.slice(path.indexOf('?'))));
