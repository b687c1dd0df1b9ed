import { isTerminal, type JobStatus } from '../contract/job.ts';
import { STEP_COLUMNS, type StepRow } from '../contract/step-row.ts';
import { encodeStepsForTensorBoard } from '../export/tensorboard.ts';
import { renderCsv } from './csv.ts';
import type { MetricsForm } from './metrics-forms.ts';

/**
 * The rows of logged steps in the forms of a job's metrics.
 * @param createdAtMs when the job was created: the time of all rows for TensorBoard, since a step has none
 */
export function renderSteps(
  form: MetricsForm,
  rows: readonly StepRow[],
  { status, createdAtMs }: { status: JobStatus; createdAtMs: number },
): string | Uint8Array {
  const state = { status, terminal: isTerminal(status) };
  switch (form) {
    case 'json':
      return JSON.stringify({ object: 'steps', data: rows, ...state });
    case 'ndjson':
      return rows.map((row) => `${JSON.stringify(row)}\n`).join('');
    case 'columns': {
      const columns = STEP_COLUMNS.map((name) => [name, rows.map((row) => row[name])]);
      return JSON.stringify({ object: 'step_columns', ...state, columns: Object.fromEntries(columns) });
    }
    case 'csv':
      return renderCsv([STEP_COLUMNS, ...rows.map((row) => STEP_COLUMNS.map((name) => row[name]))]);
    case 'tensorboard':
      return encodeStepsForTensorBoard(rows, createdAtMs / 1000);
  }
}
