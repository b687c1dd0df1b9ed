import type { StoredJob } from '../store/job-view.ts';
import { type CsvCell, csvText, renderCsv } from './csv.ts';
import { flatParameters } from './flat-parameters.ts';

/** Jobs as a table, one line a job, its columns named as in MLflow's tables of runs. */

type Value = string | number | boolean | null;
type Row = Map<string, Value>;

/** The columns of every table. */
const COLUMNS: Readonly<Record<string, (job: StoredJob) => Value>> = {
  id: (job) => job.id,
  name: (job) => job.spec.name,
  status: (job) => job.status,
  owner: (job) => job.owner,
  created_at: (job) => job.created_at,
  started_at: (job) => job.started_at,
  finished_at: (job) => job.finished_at,
  engine: (job) => job.engine,
  error: (job) => job.error?.code ?? null,
  'metrics.test_loss': ({ result }) => result?.test.loss ?? null,
  'metrics.test_accuracy': ({ result }) => result?.test.accuracy ?? null,
  'metrics.test_mae': ({ result }) => result?.test.mae ?? null,
  'metrics.loss': ({ latest }) => latest?.loss ?? null,
  'metrics.accuracy': ({ latest }) => latest?.accuracy ?? null,
  'metrics.val_loss': ({ latest }) => latest?.val_loss ?? null,
  'metrics.val_accuracy': ({ latest }) => latest?.val_accuracy ?? null,
  'metrics.mae': ({ latest }) => latest?.mae ?? null,
  'metrics.val_mae': ({ latest }) => latest?.val_mae ?? null,
  'metrics.best_val_loss': ({ result }) => result?.best?.val_loss?.value ?? null,
  'metrics.best_val_loss_epoch': ({ result }) => result?.best?.val_loss?.epoch ?? null,
  'metrics.best_val_accuracy': ({ result }) => result?.best?.val_accuracy?.value ?? null,
  'metrics.best_val_accuracy_epoch': ({ result }) => result?.best?.val_accuracy?.epoch ?? null,
  'metrics.best_val_mae': ({ result }) => result?.best?.val_mae?.value ?? null,
  'metrics.best_val_mae_epoch': ({ result }) => result?.best?.val_mae?.epoch ?? null,
  'metrics.duration_seconds': ({ result }) => result?.duration_seconds ?? null,
  'metrics.training_seconds': ({ result }) => result?.training_seconds ?? null,
  'params.parameters': (job) => job.parameters,
};

function rowOf(job: StoredJob): Row {
  const row: Row = new Map(Object.entries(COLUMNS).map(([name, read]) => [name, read(job)]));
  for (const [name, value] of flatParameters(job.spec)) {
    row.set(`params.${name}`, Array.isArray(value) ? JSON.stringify(value) : (value as Value));
  }
  for (const [key, value] of Object.entries(job.spec.metadata)) row.set(`tags.${key}`, value);
  return row;
}

/** With a column for each setting and tag that any of the jobs has; those without it have an empty field. */
export function jobsCsv(jobs: readonly StoredJob[]): string {
  const rows = jobs.map(rowOf);
  const names = [...new Set([...Object.keys(COLUMNS), ...rows.flatMap((row) => [...row.keys()])])];
  const lines = rows.map((row) => names.map((name) => cell(row.get(name) ?? null)));
  return renderCsv([names.map(csvText), ...lines]);
}

/** The same as one JSON object a line. */
export const jobsNdjson = (jobs: readonly StoredJob[]): string =>
  jobs.map((job) => `${JSON.stringify(Object.fromEntries(rowOf(job)))}\n`).join('');

const cell = (value: Value): CsvCell =>
  typeof value === 'string' ? csvText(value) : typeof value === 'boolean' ? `${value}` : value;
