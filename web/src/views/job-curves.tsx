import { useEffect, useMemo } from 'preact/hooks';
import type { Job, MetricsRow } from '../../../src/client/descent.ts';
import { bestOf } from '../../../src/contract/best.ts';
import { historyOf } from '../api/jobs.ts';
import { seriesColour } from '../charts/colours.ts';
import { type Line, LineChart } from '../charts/line-chart.tsx';
import { smoothed } from '../charts/smoothed.ts';
import { zoomOf } from '../charts/zoom.ts';
import { type EpochRows, EpochTable } from '../parts/epoch-table.tsx';
import { seconds, short } from '../parts/format.ts';
import { qualityOf } from '../parts/quality.ts';
import { route, setQuery } from '../route.ts';
import { CurveControls } from './job-curve-controls.tsx';

/** Loss and accuracy, or mean absolute error, by epoch, live. How they are shown is in the address. */
export function Curves({ job }: { job: Job }) {
  const { query } = route.value;
  const rows = job.latest === null ? NONE : historyOf(job.id).value;
  const smoothing = Math.min(0.99, Math.max(0, Number(query.get('smooth')) || 0));
  const zoomKey = `job ${job.id}`;
  useZoomInAddress(zoomKey, query.get('zoom'));
  const x = useMemo(() => rows.map(({ epoch }) => epoch), [rows]);
  const { key, title, format } = qualityOf(job);
  const charts = useMemo(
    () => [
      chartOf('Loss', rows, 'loss', short, smoothing),
      chartOf(capital(title), rows, key, format, smoothing),
    ],
    [rows, smoothing, key],
  );
  if (job.latest === null) {
    return (
      <section class="card">
        <h2>How it learns</h2>
        <p class={`faint ${job.terminal ? '' : 'no-epoch'}`}>{waiting(job)}</p>
      </section>
    );
  }
  const shared = {
    x,
    xTitle: 'epoch',
    isLogX: query.get('logx') === '1',
    isLogY: query.get('logy') === '1',
    syncKey: zoomKey,
  };
  return (
    <section class="card">
      <div class="head">
        <h2>How it learns</h2>
        <CurveControls query={query} smoothing={smoothing} zoomKey={zoomKey} />
      </div>
      <div class="curves">
        {charts.map(({ what, ...chart }, i) => (
          <figure key={i}>
            <figcaption>{what}</figcaption>
            <LineChart {...shared} {...chart} />
          </figure>
        ))}
      </div>
      <p class="faint hint">
        Training values are means over the epoch while the weights change; validation is measured at its end.
        Drag across a chart to zoom, with Shift to move, double-click to see all.
      </p>
      <EpochTable count={rows.length} read={() => tableOf(rows, qualityOf(job))} />
    </section>
  );
}

const NONE: readonly MetricsRow[] = [];

type Key = 'loss' | 'accuracy' | 'mae';
type Format = (value: number | null | undefined) => string;

const capital = (text: string): string => text[0]!.toUpperCase() + text.slice(1);

const chartOf = (what: string, rows: readonly MetricsRow[], key: Key, format: Format, smoothing: number) => ({
  what,
  title: describe(what, rows, key, format),
  lines: linesOf(rows, key, smoothing),
  format,
});

/** Training is dashed, validation is not: nobody needs to see their colours. */
function linesOf(rows: readonly MetricsRow[], key: Key, smoothing: number): Line[] {
  const lines = [
    { id: key, label: 'training', colour: seriesColour(1), isDashed: true },
    { id: `val_${key}` as const, label: 'validation', colour: seriesColour(0) },
  ].map((line) => ({ ...line, values: rows.map((row) => row[line.id] ?? null) }));
  const shown = lines.filter(
    ({ values }, i) => i === 0 || values.some((value) => value !== null) || values.length === 0,
  );
  if (smoothing === 0) return shown;
  return [
    ...shown.map((line) => ({ ...line, id: `${line.id} raw`, label: `${line.label}, raw`, isFaint: true })),
    ...shown.map((line) => ({ ...line, values: smoothed(line.values, smoothing) })),
  ];
}

function describe(what: string, rows: readonly MetricsRow[], key: Key, format: Format): string {
  const last = rows.at(-1);
  if (last === undefined) return `${what} by epoch: no epoch has ended yet`;
  return `${what} by epoch. After epoch ${last.epoch}: training ${format(last[key])}, validation ${format(last[`val_${key}`])}. All values are in the table below.`;
}

function tableOf(
  rows: readonly MetricsRow[],
  { key, title, format }: ReturnType<typeof qualityOf>,
): EpochRows {
  const columns: readonly [title: string, of: (row: MetricsRow) => string][] = [
    ['Loss', (row) => short(row.loss)],
    ['val_loss', (row) => short(row.val_loss)],
    [capital(title), (row) => format(row[key])],
    [`val_${key}`, (row) => format(row[`val_${key}`])],
    ['Learning rate', (row) => short(row.learning_rate)],
    ['Time', (row) => seconds(row.duration_seconds)],
  ];
  const best = bestOf(rows).val_loss?.epoch;
  return {
    epochs: rows.map(({ epoch }) => (epoch === best ? `★ ${epoch}` : epoch)),
    columns: columns.map(([title, of]) => ({ title, at: (row) => of(rows[row]!) })),
    note: best === undefined ? undefined : '★ lowest val_loss',
  };
}

const waiting = ({ status, terminal }: Job): string => {
  if (terminal) return 'No epoch ended, so there are no curves.';
  return status === 'queued'
    ? 'The curves begin when the job runs.'
    : 'The curves begin when the first epoch ends.';
};

/** The zoom of the charts and that of the address follow each other. */
function useZoomInAddress(key: string, text: string | null): void {
  const zoom = zoomOf(key);
  useEffect(() => {
    const [from, to] = (text ?? '').split('..').map(Number);
    const isRange = from !== undefined && to !== undefined && from < to;
    const known = zoom.peek();
    if (isRange && (known === undefined || rounded(known) !== text)) zoom.value = [from, to];
    if (!isRange && known !== undefined) zoom.value = undefined;
    return zoom.subscribe((range) => {
      const next = range === undefined ? undefined : rounded(range);
      if ((next ?? null) !== route.peek().query.get('zoom')) setQuery({ zoom: next }, { replace: true });
    });
  }, [key, text]);
}

const rounded = ([from, to]: readonly [number, number]): string => `${from.toFixed(2)}..${to.toFixed(2)}`;
