import type { CompareCsvOptions, Comparison } from '../client/descent.ts';
import { EXIT, UsageError } from './failure.ts';
import type { Context } from './jobs.ts';
import { figure, table } from './texts.ts';

interface CompareOptions {
  csv?: boolean;
  shape?: string;
  metric?: string;
}

export async function compareJobs(
  { descent, asJson }: Context,
  ids: readonly string[],
  { csv = false, ...form }: CompareOptions,
): Promise<number> {
  if (csv && asJson) throw new UsageError('--csv and --json are not allowed together: choose one.');
  if (csv) {
    // The server says which shapes and metrics there are.
    process.stdout.write(await descent.jobs.compareCsv(ids, form as CompareCsvOptions));
    return EXIT.succeeded;
  }
  if (Object.keys(form).length > 0) throw new UsageError('--shape and --metric are those of --csv: add it.');
  const comparison = await descent.jobs.compare(ids);
  console.log(asJson ? JSON.stringify(comparison) : describe(comparison));
  return EXIT.succeeded;
}

/** A column for each job: what differs, then the results; below, the jobs from best to worst. */
function describe({ jobs, different, same, order }: Comparison): string {
  const names = jobs.map(({ name }) => name);
  const titles = jobs.map(({ id, name }) =>
    name !== null && names.indexOf(name) === names.lastIndexOf(name) ? name : id,
  );
  const titleOf = (id: string): string => titles[jobs.findIndex((job) => job.id === id)]!;
  const sideBySide = table([
    ['job', ...titles],
    ...Object.entries(different).map(([parameter, values]) => [parameter, ...values.map(text)]),
    ['status', ...jobs.map(({ status }) => status)],
    ['test accuracy', ...jobs.map(({ test_accuracy }) => figure(test_accuracy))],
    ...(jobs.some(({ test_mae }) => test_mae !== null)
      ? [['test mae', ...jobs.map(({ test_mae }) => figure(test_mae))]]
      : []),
    ['test loss', ...jobs.map(({ test_loss }) => figure(test_loss))],
    ['seconds', ...jobs.map(({ duration_seconds }) => text(duration_seconds))],
  ]);
  const ranked = Object.entries(order).filter(([, ids]) => ids.length > 0);
  return [
    sideBySide,
    `${Object.keys(same).length} other parameters are the same.`,
    ...(ranked.length === 0
      ? []
      : ['', table([['by', 'best first'], ...ranked.map(([by, ids]) => [by, ids.map(titleOf).join(', ')])])]),
  ].join('\n');
}

const text = (value: Comparison['same'][string]): string =>
  Array.isArray(value) ? value.join(',') || '-' : String(value ?? '-');
