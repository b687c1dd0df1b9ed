import { OPTIMIZER_TYPES, STATUSES } from '../api/names.ts';
import { toggled } from '../parts/toggled.ts';
import { setQuery } from '../route.ts';

/** What is shown. A choice is in the address, so a filtered list is a link. */
export function Filters({ query }: { query: URLSearchParams }) {
  const statuses = new Set(query.get('status')?.split(',') ?? []);
  const toggle = (status: string) => setQuery({ status: [...toggled(statuses, status)].join(',') });
  return (
    <search class="row filters">
      <fieldset class="row chips">
        <legend class="hidden">Status</legend>
        {STATUSES.map((status) => (
          <label key={status} class="chip">
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
      <label>
        Optimizer
        <select
          value={query.get('optimizer') ?? ''}
          onChange={(event) => setQuery({ optimizer: event.currentTarget.value })}
        >
          <option value="">all</option>
          {OPTIMIZER_TYPES.map((type) => (
            <option key={type}>{type}</option>
          ))}
        </select>
      </label>
    </search>
  );
}
