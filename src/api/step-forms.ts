import { isTerminal, type JobStatus } from '../contract/job.ts';
import { STEP_COLUMNS, type StepRow } from '../contract/step-row.ts';
import { archiveStepRecords, encodeStepRecords } from '../export/tensorboard.ts';
import { renderCsv } from './csv.ts';
import { inPieces, type Work } from './in-turns.ts';
import type { MetricsForm } from './metrics-forms.ts';

/**
 * The rows of logged steps in the forms of a job's metrics. There may be tens of thousands.
 * @param createdAtMs when the job was created: the time of all rows for TensorBoard, since a step has none
 */
export function* renderSteps(
  form: MetricsForm,
  rows: readonly StepRow[],
  { status, createdAtMs }: { status: JobStatus; createdAtMs: number },
): Work<string | Uint8Array> {
  const state = `"status":"${status}","terminal":${isTerminal(status)}`;
  switch (form) {
    case 'json':
      return `{"object":"steps","data":[${yield* itemsOf(rows)}],${state}}`;
    case 'ndjson':
      return (yield* inPieces(rows, (some) => some.map((row) => `${JSON.stringify(row)}\n`).join(''))).join(
        '',
      );
    case 'columns': {
      const columns: string[] = [];
      for (const name of STEP_COLUMNS) {
        columns.push(`"${name}":[${yield* itemsOf(rows.map((row) => row[name]))}]`);
      }
      return `{"object":"step_columns",${state},"columns":{${columns.join()}}}`;
    }
    case 'csv': {
      const lines = yield* inPieces(rows, (some) =>
        renderCsv(some.map((row) => STEP_COLUMNS.map((name) => row[name]))),
      );
      return [renderCsv([STEP_COLUMNS]), ...lines].join('');
    }
    case 'tensorboard': {
      const seconds = createdAtMs / 1000;
      return archiveStepRecords(yield* inPieces(rows, (some) => encodeStepRecords(some, seconds)), seconds);
    }
  }
}

/** The JSON of an array of these, without its brackets. */
function* itemsOf(values: readonly unknown[]): Work<string> {
  return (yield* inPieces(values, (some) => JSON.stringify(some).slice(1, -1))).join();
}
