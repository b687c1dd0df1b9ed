import { datasetNames } from '../api/datasets-known.ts';
import { ENGINES, OPTIMIZER_TYPES, STATUSES } from '../api/names.ts';
import { toggled } from '../parts/toggled.ts';
import { setQuery } from '../route.ts';

/** Seldom wanted, so not where there is little room. */
const RARE: ReadonlySet<string> = new Set(['pausing', 'paused']);
const FILTERS = ['status', 'name', 'dataset', 'optimizer', 'engine'] as const;

export const isFiltered = (query: URLSearchParams): boolean => FILTERS.some((name) => query.get(name));

/** What is shown. A choice is in the address, so a filtered list is a link. */
export function Filters({ query }: { query: URLSearchParams }) {
  const statuses = new Set(query.get('status')?.split(',') ?? []);
  const toggle = (status: string) => setQuery({ status: [...toggled(statuses, status)].join(',') });
  return (
    <search class="row filters">
      <fieldset class="row chips">
        <legend class="hidden">Status</legend>
        {STATUSES.map((status) => (
          <label key={status} class={`chip ${RARE.has(status) ? 'wide' : ''}`}>
            <input type="checkbox" checked={statuses.has(status)} onChange={() => toggle(status)} />
            {status}
          </label>
        ))}
      </fieldset>
      <label>
        Name begins with
        <input
          type="search"
          size={12}
          value={query.get('name') ?? ''}
          onInput={(event) => setQuery({ name: event.currentTarget.value }, { replace: true })}
        />
      </label>
      <OneOf
        query={query}
        name="dataset"
        title="Dataset"
        options={withChosen(datasetNames(), query.get('dataset'))}
      />
      <OneOf query={query} name="optimizer" title="Optimizer" options={OPTIMIZER_TYPES} />
      <OneOf query={query} name="engine" title="Engine" options={ENGINES} />
      {isFiltered(query) && <ClearFilters />}
    </search>
  );
}

interface OneOfProps {
  query: URLSearchParams;
  name: string;
  title: string;
  options: readonly string[];
}

function OneOf({ query, name, title, options }: OneOfProps) {
  return (
    <label>
      {title}
      <select
        value={query.get(name) ?? ''}
        onChange={(event) => setQuery({ [name]: event.currentTarget.value })}
      >
        <option value="">all</option>
        {options.map((option) => (
          <option key={option}>{option}</option>
        ))}
      </select>
    </label>
  );
}

/** All jobs again, in the order that was chosen. */
export function ClearFilters() {
  const none = Object.fromEntries(FILTERS.map((name) => [name, undefined]));
  return (
    <button type="button" onClick={() => setQuery(none)}>
      Clear filters
    </button>
  );
}

/** Jobs may have data that is gone. */
const withChosen = (names: readonly string[], chosen: string | null): readonly string[] =>
  chosen === null || names.includes(chosen) ? names : [...names, chosen];
