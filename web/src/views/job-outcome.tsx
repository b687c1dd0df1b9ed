import type { Job, MetricsRow } from '../../../src/client/descent.ts';
import { historyOf } from '../api/jobs.ts';
import { percent, seconds, short } from '../parts/format.ts';
import { href } from '../route.ts';

/** What came of the job: its figures so far, or why it failed. */
export function Outcome({ job }: { job: Job }) {
  const { result, latest, error, terminal } = job;
  const rows = latest === null ? [] : historyOf(job.id).value;
  const lowest = bestOf(rows, 'val_loss', (a, b) => a < b);
  const highest = bestOf(rows, 'val_accuracy', (a, b) => a > b);
  const trained = rows.length === 0 ? null : rows.reduce((sum, row) => sum + row.duration_seconds, 0);
  return (
    <>
      {error !== null && <Failure job={job} error={error} />}
      <dl class="figures card">
        {result === null ? (
          <>
            <Figure name="Accuracy" value={percent(latest?.accuracy)} hint="training, last epoch" />
            <Figure name="Loss" value={short(latest?.loss)} hint="training, last epoch" />
          </>
        ) : (
          <>
            <Figure name="Test accuracy" value={percent(result.test.accuracy)} hint="on rows it never saw" />
            <Figure name="Test loss" value={short(result.test.loss)} hint="on rows it never saw" />
          </>
        )}
        <Figure name="Best val_loss" value={short(lowest?.val_loss)} hint={whenOf(job, lowest)} />
        <Figure name="Best val_accuracy" value={percent(highest?.val_accuracy)} hint={whenOf(job, highest)} />
        <Figure
          name="Training time"
          value={seconds(result?.training_seconds ?? trained)}
          hint={terminal ? 'of all epochs' : 'of the epochs so far'}
        />
      </dl>
    </>
  );
}

/** The first of the rows that no other is better than. */
function bestOf(
  rows: readonly MetricsRow[],
  name: 'val_loss' | 'val_accuracy',
  isBetter: (a: number, b: number) => boolean,
): MetricsRow | undefined {
  let best: MetricsRow | undefined;
  for (const row of rows) {
    const value = row[name];
    if (value !== null && (best === undefined || isBetter(value, best[name]!))) best = row;
  }
  return best;
}

function whenOf({ spec, terminal }: Job, row: MetricsRow | undefined): string {
  if (spec.training.validation_split === 0) return 'no validation rows';
  if (row !== undefined) return `epoch ${row.epoch}`;
  return terminal ? 'no epoch ended' : 'no epoch yet';
}

function Figure({ name, value, hint }: { name: string; value: string; hint: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
      <dd class="faint">{hint}</dd>
    </div>
  );
}

function Failure({ job, error }: { job: Job; error: NonNullable<Job['error']> }) {
  return (
    <section class="card failure" role="alert">
      <h2>
        Failed: <code>{error.code}</code>
      </h2>
      <p>{error.message}</p>
      <p class="faint">
        {error.retryable
          ? 'The same job is likely to succeed if you start it again.'
          : 'The same job is likely to fail again: change it first.'}
      </p>
      <a class="button" href={href('new', { from: job.id })}>
        {error.retryable ? 'Start it again' : 'Change it'}
      </a>
    </section>
  );
}
