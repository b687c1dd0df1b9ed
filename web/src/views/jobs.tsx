import { useSignal } from '@preact/signals';
import type { ListOptions } from '../../../src/client/descent.ts';
import { Problem } from '../parts/problem.tsx';
import { toggled } from '../parts/toggled.ts';
import { useJobList } from '../parts/use-job-list.ts';
import { WindowedBody } from '../parts/windowed.tsx';
import { href, route, setQuery } from '../route.ts';
import { ClearFilters, Filters } from './job-filters.tsx';
import { JobRow, ROW_HEIGHT } from './job-row.tsx';
import { NoJobs } from './no-jobs.tsx';
import { SelectionBar } from './selection-bar.tsx';

/** Which filters and order the address has; they are those of `GET /jobs`. */
const FIND = ['status', 'name', 'dataset', 'optimizer', 'engine', 'sort'] as const;

const COLUMNS = [
  { title: 'Status' },
  { title: 'Job' },
  { title: 'Dataset', isWide: true },
  { title: 'Optimizer', isWide: true },
  { title: 'Learning rate', isNumber: true, isWide: true },
  { title: 'val_loss', isWide: true },
  { title: 'Last', isNumber: true, hint: 'val_loss of the last epoch', isWide: true },
  { title: 'Best', isNumber: true, hint: 'lowest val_loss', sort: 'val_loss' },
  { title: 'Accuracy', isNumber: true, hint: 'on the test rows', sort: '-test_accuracy' },
  { title: 'Duration', isNumber: true, sort: '-duration_seconds' },
  { title: 'Created', sort: '-created_at' },
] as const;

export function Jobs() {
  const { query } = route.value;
  const find = Object.fromEntries(
    FIND.flatMap((name) => (query.get(name) ? [[name, query.get(name)!]] : [])),
  );
  const list = useJobList(find as ListOptions);
  const selected = useSignal<ReadonlySet<string>>(new Set());
  const ids = list.ids.value;
  const isEmpty = ids.length === 0 && list.state.value === 'complete';
  const toggle = (id: string) => {
    selected.value = toggled(selected.peek(), id);
  };
  return (
    <>
      <div class="head">
        <h1>Jobs</h1>
        <a class="button primary" href={href('new')}>
          New job
        </a>
      </div>
      {isEmpty && Object.keys(find).length === 0 ? (
        <NoJobs />
      ) : (
        <>
          <Filters query={query} />
          <Problem error={list.error.value} />
          <SelectionBar selected={selected} list={list} />
          <div class="card table scroll">
            <table class="jobs" aria-rowcount={list.state.value === 'complete' ? ids.length + 1 : -1}>
              <thead>
                <tr aria-rowindex={1}>
                  <th scope="col">
                    <span class="hidden">Select</span>
                  </th>
                  {COLUMNS.map((column) => (
                    <Heading key={column.title} {...column} order={query.get('sort') ?? '-created_at'} />
                  ))}
                </tr>
              </thead>
              <WindowedBody
                keys={ids}
                rowHeight={ROW_HEIGHT}
                columns={COLUMNS.length + 1}
                onNearEnd={() => void list.more()}
                row={(i) => (
                  <JobRow
                    key={ids[i]}
                    id={ids[i]!}
                    at={i + 2}
                    isSelected={selected.value.has(ids[i]!)}
                    onToggle={toggle}
                  />
                )}
              />
            </table>
            {list.state.value === 'loading' && <p class="faint">Loading …</p>}
            {isEmpty && (
              <div class="none-found">
                <p class="faint">No job passes these filters.</p>
                <ClearFilters />
              </div>
            )}
          </div>
        </>
      )}
    </>
  );
}

interface HeadingProps {
  title: string;
  isNumber?: boolean;
  /** Shown only where there is room. */
  isWide?: boolean;
  hint?: string;
  sort?: string;
  order: string;
}

function Heading({ title, isNumber = false, isWide = false, hint, sort, order }: HeadingProps) {
  const name = sort?.replace('-', '');
  const isOrder = name !== undefined && order.replace('-', '') === name;
  const direction = isOrder ? (order.startsWith('-') ? 'descending' : 'ascending') : undefined;
  const opposite = order.startsWith('-') ? name : `-${name}`;
  return (
    <th
      scope="col"
      class={`${isNumber ? 'number' : ''} ${isWide ? 'wide' : ''}`}
      aria-sort={direction}
      title={hint}
    >
      {sort === undefined ? (
        title
      ) : (
        <button type="button" class="link" onClick={() => setQuery({ sort: isOrder ? opposite : sort })}>
          {title} {direction === undefined ? '' : direction === 'ascending' ? '↑' : '↓'}
        </button>
      )}
    </th>
  );
}
