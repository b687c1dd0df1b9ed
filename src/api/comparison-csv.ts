import { type Comparison, CURVES, type Curve } from '../contract/comparison.ts';
import { csvText, renderCsv } from './csv.ts';

/** A comparison as CSV for spreadsheets and pandas. */

/** One line for each job and epoch. */
export function longCsv({ jobs, epochs, curves }: Comparison): string {
  const lines = jobs.flatMap(({ id, name }, j) =>
    epochs.flatMap((epoch, e) => {
      const values = CURVES.map((curve) => curves[curve][e]![j]!);
      return values.every((value) => value === null) ? [] : [[id, csvText(name ?? ''), epoch, ...values]];
    }),
  );
  return renderCsv([['job', 'name', 'epoch', ...CURVES], ...lines]);
}

/** One line for each epoch, with a column for each job: its name, or its id where that is not enough. */
export function wideCsv({ jobs, epochs, curves }: Comparison, curve: Curve): string {
  const names = jobs.map(({ name }) => name);
  const titles = jobs.map(({ id, name }) =>
    name !== null && names.indexOf(name) === names.lastIndexOf(name) ? csvText(name) : id,
  );
  return renderCsv([['epoch', ...titles], ...epochs.map((epoch, e) => [epoch, ...curves[curve][e]!])]);
}
