import { useMemo } from 'preact/hooks';
import { historyOf, jobOf } from '../api/jobs.ts';
import { base, descent } from '../api/server.ts';
import { LineChart } from '../charts/line-chart.tsx';
import { Copy } from '../parts/copy.tsx';
import { type EpochRows, EpochTable } from '../parts/epoch-table.tsx';
import { short } from '../parts/format.ts';
import { Problem } from '../parts/problem.tsx';
import { useDistinct } from '../parts/use-distinct.ts';
import { useLoaded } from '../parts/use-loaded.ts';
import { go, href, route, setQuery } from '../route.ts';
import { CompareChoice } from './compare-choice.tsx';
import { type Compared, curvesOf } from './compare-curves.ts';
import { type CompareState, METRICS, MOST_COMPARED, stateIn, XS } from './compare-state.ts';
import { CompareTable } from './compare-table.tsx';
import { nameById } from './job-name.ts';

export function Compare() {
  const state = stateIn(route.value.query);
  const count = state.ids.length;
  return (
    <>
      <div class="head">
        <h1>Compare</h1>
        {count >= 2 && count <= MOST_COMPARED && <Exports state={state} />}
      </div>
      {count > MOST_COMPARED && (
        <p class="error" role="alert">
          {count} jobs are too many: at most {MOST_COMPARED} can be compared.
        </p>
      )}
      {count < 2 || count > MOST_COMPARED ? (
        <CompareChoice first={state.ids.slice(0, MOST_COMPARED)} />
      ) : (
        <Comparing state={state} />
      )}
    </>
  );
}

function Comparing({ state }: { state: CompareState }) {
  const { ids } = state;
  const key = ids.join();
  const gone = useDistinct(() => ids.filter((id) => jobOf(id).value === 'gone'), [key]);
  const loaded = useLoaded((signal) => descent.jobs.compare(ids, { signal }), [key]).value;
  return (
    <>
      <Controls state={state} />
      <Problem error={loaded.error} />
      {gone.length > 0 && (
        <p class="row">
          <span class="error">Deleted meanwhile: {gone.join(', ')}.</span>
          <a href={href('compare', { jobs: ids.filter((id) => !gone.includes(id)).join(',') })}>
            Compare the others
          </a>
        </p>
      )}
      <div class="beside-chart">
        <Curves state={state} />
        <section class="card table">
          <CompareTable state={state} comparison={loaded.value} />
        </section>
      </div>
    </>
  );
}

function Curves({ state }: { state: CompareState }) {
  const heads = useDistinct(() => state.ids.map(headOf), [state.ids.join()]);
  const compared = heads.map((head) => ({ ...head, rows: historyOf(head.id).value }));
  const { x, lines } = useMemo(
    () => curvesOf(state, compared),
    [state, heads, ...compared.map(({ rows }) => rows)],
  );
  const shown = lines.filter(({ isHidden }) => !isHidden).length;
  return (
    <section class="card compare-chart">
      <LineChart
        title={`${state.metric} of ${shown} jobs over ${XS[state.x].toLowerCase()}; its tables have the values and the results`}
        x={x}
        xTitle={XS[state.x]}
        lines={lines}
        isLogX={state.isLogX}
        isLogY={state.isLogY}
        height={400}
        format={short}
        onClickLine={(id) => go(href(`jobs/${id}`))}
      />
      <p class="faint">
        Click a curve to go to its job. Drag to zoom, with Shift to move, double-click to see all again.
      </p>
      <EpochTable
        count={Math.max(0, ...compared.map(({ rows }) => rows.length))}
        read={() => tableOf(state, compared)}
      />
    </section>
  );
}

/** What the curves show of a job besides its rows. */
function headOf(id: string) {
  const job = jobOf(id).value;
  return { id, name: nameById(id), startedAt: typeof job === 'object' ? job.started_at : null };
}

/** By epoch, whatever the chart is over. */
function tableOf(state: CompareState, compared: readonly Compared[]): EpochRows {
  const { x, lines } = curvesOf({ ...state, x: 'epoch', isLogX: false, isLogY: false }, compared);
  return {
    epochs: x,
    columns: lines.map(({ label, values }) => ({ title: label, at: (row) => short(values[row]) })),
  };
}

function Controls({ state }: { state: CompareState }) {
  return (
    <div class="row filters">
      <label>
        Measure
        <select value={state.metric} onChange={(event) => setQuery({ metric: event.currentTarget.value })}>
          {METRICS.map((metric) => (
            <option key={metric}>{metric}</option>
          ))}
        </select>
      </label>
      <label>
        Over
        <select value={state.x} onChange={(event) => setQuery({ x: event.currentTarget.value })}>
          {Object.entries(XS).map(([x, title]) => (
            <option key={x} value={x}>
              {title.toLowerCase()}
            </option>
          ))}
        </select>
      </label>
      <label>
        Table shows
        <select value={state.of} onChange={(event) => setQuery({ of: event.currentTarget.value })}>
          <option value="best">best of</option>
          <option value="last">last of</option>
        </select>
      </label>
      <label>
        <input
          type="checkbox"
          checked={state.isLogX}
          onChange={() => setQuery({ logx: state.isLogX ? undefined : '1' })}
        />
        log x
      </label>
      <label>
        <input
          type="checkbox"
          checked={state.isLogY}
          onChange={() => setQuery({ logy: state.isLogY ? undefined : '1' })}
        />
        log y
      </label>
    </div>
  );
}

function Exports({ state: { ids, metric, isLogY } }: { state: CompareState }) {
  const jobs = ids.join(',');
  return (
    <p class="row">
      <a
        class="button"
        href={`${base}compare/charts/${metric}.svg?jobs=${jobs}${isLogY ? '&scale=log' : ''}`}
      >
        SVG
      </a>
      <a class="button" href={`${base}compare?jobs=${jobs}&format=csv`} download="compare.csv">
        CSV
      </a>
      <Copy text={location.href} label="Copy link" />
      <a class="button" href={href('compare')}>
        Choose others
      </a>
    </p>
  );
}
