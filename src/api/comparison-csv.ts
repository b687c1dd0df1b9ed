import type { Comparison, Curve } from '../contract/comparison.ts';
import { CURVES } from '../contract/comparison.ts';

/** A comparison as CSV (RFC 4180) for spreadsheets and pandas. */

/** One line for each job and epoch. */
export function longCsv({ jobs, epochs, curves }: Comparison): string {
  const lines = jobs.flatMap(({ id, name }, j) =>
    epochs.flatMap((epoch, e) => {
      const values = CURVES.map((curve) => curves[curve][e]![j]!);
      return values.every((value) => value === null) ? [] : [[id, text(name ?? ''), epoch, ...values]];
    }),
  );
  return render([['job', 'name', 'epoch', ...CURVES], ...lines]);
}

/** One line for each epoch, with a column for each job: its name, or its id where that is not enough. */
export function wideCsv({ jobs, epochs, curves }: Comparison, curve: Curve): string {
  const names = jobs.map(({ name }) => name);
  const titles = jobs.map(({ id, name }) =>
    name !== null && names.indexOf(name) === names.lastIndexOf(name) ? text(name) : id,
  );
  return render([['epoch', ...titles], ...epochs.map((epoch, e) => [epoch, ...curves[curve][e]!])]);
}

type Cell = string | number | null;

const render = (lines: readonly (readonly Cell[])[]): string =>
  `${lines.map((line) => line.map((cell) => cell ?? '').join(',')).join('\r\n')}\r\n`;

/** Quoted where CSV needs it. A spreadsheet takes text that begins with one of =+-@ for a formula; ' prevents that. */
function text(value: string): string {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
