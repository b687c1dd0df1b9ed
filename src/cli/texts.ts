import type { Job, JobEvent } from '../client/descent.ts';
import { printable } from '../process/printable.ts';

/** Jobs and events in words and tables. */

/** Strings as a table with a head; control characters are escaped, since names are anybody's text. */
export function table(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(printable));
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

export const JOB_COLUMNS = [
  'id',
  'status',
  'name',
  'dataset',
  'optimizer',
  'epochs',
  'test accuracy',
  'created',
];

export const jobRow = ({ id, status, spec, progress, result, created_at }: Job): string[] => [
  id,
  status,
  spec.name ?? '-',
  spec.dataset,
  spec.optimizer.type,
  `${progress.epoch}/${progress.epochs}`,
  result?.test.mae == null ? figure(result?.test.accuracy) : `mae ${fixed(result.test.mae)}`,
  time(created_at),
];

/** Everything about a job that fits on a line each. */
export function describeJob(job: Job): string {
  const { spec, progress, latest, result, error } = job;
  const rows: [string, string | undefined][] = [
    ['id', job.id],
    ['name', spec.name ?? undefined],
    ['owner', job.owner],
    ['status', job.queue_position === null ? job.status : `${job.status}, place ${job.queue_position}`],
    ['parent', job.parent === null ? undefined : `${job.parent.job}, epoch ${job.parent.epoch}`],
    ['cached from', job.cached_from ?? undefined],
    ['verifies', job.verifies?.job],
    ['verification', verdictOf(job)],
    ['dataset', spec.dataset],
    ['model', `hidden ${spec.model.hidden_units.join(', ') || 'none'}, ${spec.model.activation}`],
    ['optimizer', pairs(spec.optimizer)],
    ['training', pairs(spec.training)],
    ['engine', job.engine ?? spec.engine],
    ['epochs', `${progress.epoch} of ${progress.epochs}`],
    ['latest', latest === null ? undefined : metrics(latest)],
    ['loss', spec.loss],
    ['test', result === null ? undefined : pairs(result.test)],
    ['weights', result?.weights_sha256],
    ['error', error === null ? undefined : `${error.code}: ${error.message}`],
    ['created', time(job.created_at)],
    ['finished', job.finished_at === null ? undefined : time(job.finished_at)],
  ];
  return table(rows.filter((row): row is [string, string] => row[1] !== undefined));
}

/** What the latest verification of the job came to. */
export function verdictOf({ verification }: Pick<Job, 'verification'>): string | undefined {
  if (verification === null) return undefined;
  const { verdict, job, by, expected, found } = verification;
  const weights = `${job} has the weights ${expected.weights_sha256}`;
  if (verdict === 'verified') return `verified: ${weights}, and so has ${by}`;
  const what = expected.weights_sha256 === found.weights_sha256 ? 'metrics' : 'weights';
  const [one, other] = [expected, found].map((hashes) => hashes[`${what}_sha256`]);
  return `differs: ${job} has the ${what} ${one}, ${by} has ${other}`;
}

const pairs = (values: object): string =>
  Object.entries(values)
    .filter(([, value]) => value !== null)
    .map(([name, value]) => (name === 'type' ? `${value}` : `${name} ${value}`))
    .join(', ');

/** An event in one line; undefined for those that say nothing new. */
export function describeEvent(event: JobEvent, epochs: number): string | undefined {
  switch (event.type) {
    case 'job.queued':
      return event.data.reason === 'created' ? 'queued' : `queued again (${event.data.reason})`;
    case 'job.running':
      return `running on ${event.data.engine}${event.data.from_epoch > 0 ? `, from epoch ${event.data.from_epoch}` : ''}`;
    case 'job.epoch':
      return `epoch ${event.data.epoch}/${epochs}  ${metrics(event.data)}`;
    case 'job.progress':
      return undefined;
    case 'job.updated':
      return `updated: name ${event.data.name ?? '-'}, priority ${event.data.priority}`;
    case 'job.verdict':
      return `doctor: ${event.data.rule.replaceAll('_', ' ')} (epoch ${event.data.epoch}). ${event.data.detail}`;
    case 'job.succeeded':
      return `succeeded: ${describeTest(event.data.result.test)}`;
    case 'job.failed':
      return `failed (${event.data.error.code}): ${event.data.error.message}`;
    default:
      return event.type.replace('job.', '');
  }
}

const describeTest = ({ loss, accuracy, mae }: NonNullable<Job['result']>['test']): string =>
  `test ${accuracy === null ? `mae ${figure(mae)}` : `accuracy ${fixed(accuracy)}`}, loss ${fixed(loss)}`;

const MEASURES = ['loss', 'accuracy', 'mae', 'val_loss', 'val_accuracy', 'val_mae'] as const;

type Metrics = { [Name in (typeof MEASURES)[number]]?: number | null };

/** Those that the job has. */
export const metrics = (measured: Metrics): string =>
  MEASURES.flatMap((name) => (measured[name] == null ? [] : `${name} ${fixed(measured[name])}`)).join('  ');

const fixed = (value: number): string => value.toFixed(4);

/** A number, or a dash where the job has none. */
export const figure = (value: number | null | undefined): string => (value == null ? '-' : fixed(value));

/** 2026-11-29T01:36:39.123Z -> 2026-11-29 01:36:39 */
const time = (iso: string): string => iso.slice(0, 19).replace('T', ' ');
