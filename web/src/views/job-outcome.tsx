import type { Job } from '../../../src/client/descent.ts';
import { bestOf, modelEpoch } from '../../../src/contract/best.ts';
import { historyOf } from '../api/jobs.ts';
import { seconds, short } from '../parts/format.ts';
import { qualityOf } from '../parts/quality.ts';
import { href } from '../route.ts';

/** What came of the job: its figures so far, or why it failed. */
export function Outcome({ job }: { job: Job }) {
  const { result, latest, error } = job;
  const rows = latest === null ? [] : historyOf(job.id).value;
  const best = bestOf(rows);
  const trained = rows.length === 0 ? null : rows.reduce((sum, row) => sum + row.duration_seconds, 0);
  const { key, title, format } = qualityOf(job);
  const measured = result === null ? latest : result.test;
  const [rowsOf, hint] = result === null ? ['Training', 'last epoch'] : ['Test', testedOf(job, result)];
  return (
    <>
      {error !== null && <Failure job={job} error={error} />}
      <dl class="figures card">
        <Figure name={`${rowsOf} ${title}`} value={format(measured?.[key])} hint={hint} />
        <Figure name={`${rowsOf} loss`} value={short(measured?.loss)} hint={hint} />
        <Figure name="Best val_loss" value={short(best.val_loss?.value)} hint={whenOf(job, best.val_loss)} />
        <Figure
          name={`Best val_${key}`}
          value={format(best[`val_${key}`]?.value)}
          hint={whenOf(job, best[`val_${key}`])}
        />
        <Figure
          name="Training time"
          value={seconds(result?.training_seconds ?? trained)}
          hint={timeOf(job, rows.length)}
        />
      </dl>
    </>
  );
}

function whenOf({ spec, terminal }: Job, best: { epoch: number } | null | undefined): string {
  if (spec.training.validation_split === 0) return 'no validation rows';
  if (best) return `epoch ${best.epoch}`;
  return terminal ? 'no epoch ended' : 'no epoch yet';
}

/** Which weights the model has, if they are not the last. */
function testedOf({ spec }: Job, result: NonNullable<Job['result']>): string {
  return spec.training.early_stopping?.restore_best_weights
    ? `with the weights of epoch ${modelEpoch(spec, result)}`
    : 'on rows it never saw';
}

/** Of what the training time is. */
function timeOf({ result, terminal }: Job, epochs: number): string {
  if (result !== null) return 'without start and test';
  if (!terminal) return 'of the epochs so far';
  if (epochs === 0) return 'no epoch ended';
  return epochs === 1 ? 'of 1 epoch' : `of ${epochs} epochs`;
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
        Again with changes
      </a>
    </section>
  );
}
