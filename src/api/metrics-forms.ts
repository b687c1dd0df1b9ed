import { isTerminal, type JobStatus } from '../contract/job.ts';
import { METRICS_COLUMNS, type MetricsColumns, type MetricsRow } from '../contract/metrics-list.ts';
import { encodeTensorBoard } from '../export/tensorboard.ts';
import { parseRows } from '../store/job-events.ts';
import { renderCsv } from './csv.ts';

/** The forms in which the API hands out a job's metrics. */
export const METRICS_FORMS = ['json', 'columns', 'csv', 'ndjson', 'tensorboard'] as const;

export type MetricsForm = (typeof METRICS_FORMS)[number];

export const MEDIA_TYPES: Readonly<Record<MetricsForm, string>> = {
  json: 'application/json',
  columns: 'application/json',
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
  tensorboard: 'application/zip',
};

const PARAMETERS: Readonly<Record<MetricsForm, string>> = {
  json: '; charset=utf-8',
  columns: '; charset=utf-8',
  csv: '; charset=utf-8; header=present',
  ndjson: '; charset=utf-8',
  tensorboard: '',
};

/** The Content-Type of a form. */
export const contentTypeOf = (form: MetricsForm): string => MEDIA_TYPES[form] + PARAMETERS[form];

/** @param rows each the JSON of a `MetricsRow`. */
export function renderMetrics(
  form: MetricsForm,
  rows: readonly string[],
  status: JobStatus,
): string | Uint8Array {
  switch (form) {
    case 'json':
      return `{"object":"list","data":[${rows.join()}],"status":"${status}","terminal":${isTerminal(status)}}`;
    case 'ndjson':
      return rows.map((row) => `${row}\n`).join('');
    case 'columns':
      return JSON.stringify(toColumns(parseRows(rows), status));
    case 'csv':
      return toCsv(parseRows(rows));
    case 'tensorboard':
      return encodeTensorBoard(parseRows(rows));
  }
}

export const toColumns = (rows: readonly MetricsRow[], status: JobStatus): MetricsColumns => ({
  object: 'columns',
  status,
  terminal: isTerminal(status),
  columns: Object.fromEntries(
    METRICS_COLUMNS.map((name) => [name, rows.map((row) => row[name] ?? null)]),
  ) as MetricsColumns['columns'],
});

/** All cells are numbers and times, so none needs quotes. */
export const toCsv = (rows: readonly MetricsRow[]): string =>
  renderCsv([METRICS_COLUMNS, ...rows.map((row) => METRICS_COLUMNS.map((name) => row[name] ?? null))]);
