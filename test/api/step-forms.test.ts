import { describe, expect, it } from 'vitest';
import { renderCsv } from '../../src/api/csv.ts';
import { inTurns } from '../../src/api/in-turns.ts';
import { METRICS_FORMS, type MetricsForm } from '../../src/api/metrics-forms.ts';
import { renderSteps } from '../../src/api/step-forms.ts';
import { STEP_COLUMNS, type StepRow } from '../../src/contract/step-row.ts';
import { archiveStepRecords, encodeStepRecords } from '../../src/export/tensorboard.ts';

const rowsOf = (length: number): StepRow[] =>
  Array.from({ length }, (_, k) => ({
    epoch: 1 + Math.floor(k / 100),
    step: k + 1,
    loss: 2.3 / (k + 1),
    accuracy: k % 2 === 0 ? (k % 33) / 32 : null,
    mae: null,
    gradient_norm: k % 7 === 0 ? null : 1 / (k + 1),
  }));

const STATE = { status: 'running', createdAtMs: 1_700_000_000_000 } as const;

const WHOLE: Readonly<Record<MetricsForm, (rows: readonly StepRow[]) => string | Uint8Array>> = {
  json: (data) => JSON.stringify({ object: 'steps', data, status: 'running', terminal: false }),
  ndjson: (rows) => rows.map((row) => `${JSON.stringify(row)}\n`).join(''),
  columns: (rows) =>
    JSON.stringify({
      object: 'step_columns',
      status: 'running',
      terminal: false,
      columns: Object.fromEntries(STEP_COLUMNS.map((name) => [name, rows.map((row) => row[name])])),
    }),
  csv: (rows) => renderCsv([STEP_COLUMNS, ...rows.map((row) => STEP_COLUMNS.map((name) => row[name]))]),
  tensorboard: (rows) =>
    archiveStepRecords(rows.length === 0 ? [] : [encodeStepRecords(rows, 1_700_000_000)], 1_700_000_000),
};

describe.each(METRICS_FORMS)('logged steps as %s', (form) => {
  it.each([0, 1, 500, 501, 1_234])(
    'are rendered in pieces to the bytes of the whole: %i rows',
    async (count) => {
      const rows = rowsOf(count);
      const [made, whole] = [await inTurns(renderSteps(form, rows, STATE)), WHOLE[form](rows)];
      expect(typeof made).toBe(typeof whole);
      expect(Buffer.from(made).equals(Buffer.from(whole))).toBe(true);
    },
  );

  it('leave the event loop to others after each 500 rows', async () => {
    let [isMade, turns] = [false, 0];
    const count = () => {
      turns += 1;
      if (!isMade) setImmediate(count);
    };
    setImmediate(count);
    await inTurns(renderSteps(form, rowsOf(5_000), STATE));
    isMade = true;
    expect(turns).toBeGreaterThanOrEqual(10);
  });
});
