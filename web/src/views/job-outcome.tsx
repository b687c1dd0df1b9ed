import type { Job } from '../../../src/client/descent.ts';
import { percent, seconds, short } from '../parts/format.ts';
import { href } from '../route.ts';

/** What came of the job: its figures so far, or why it failed. */
export function Outcome({ job }: { job: Job }) {
  const { result, latest, error } = job;
  const best = result?.best;
  const at = (epoch: number) => `epoch ${epoch}`;
  return (
    <>
      {error !== null && <Failure job={job} error={error} />}
      <dl class="figures card">
        {result === null ? (
          <>
            <Figure name="Loss" value={short(latest?.loss)} hint="training, last epoch" />
            <Figure name="Accuracy" value={percent(latest?.accuracy)} hint="training, last epoch" />
          </>
        ) : (
          <>
            <Figure name="Test accuracy" value={percent(result.test.accuracy)} hint="rows it never saw" />
            <Figure name="Test loss" value={short(result.test.loss)} hint="rows it never saw" />
          </>
        )}
        {best?.val_loss == null ? (
          <Figure name="val_loss" value={short(latest?.val_loss)} hint="validation, last epoch" />
        ) : (
          <Figure name="Best val_loss" value={short(best.val_loss.value)} hint={at(best.val_loss.epoch)} />
        )}
        {best?.val_accuracy == null ? (
          <Figure name="val_accuracy" value={percent(latest?.val_accuracy)} hint="validation, last epoch" />
        ) : (
          <Figure
            name="Best val_accuracy"
            value={percent(best.val_accuracy.value)}
            hint={at(best.val_accuracy.epoch)}
          />
        )}
        <Figure name="Training" value={seconds(result?.training_seconds)} hint="time of all epochs" />
      </dl>
    </>
  );
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
          : 'The same job would fail again: change it first.'}
      </p>
      <a class="button" href={href('new', { from: job.id })}>
        {error.retryable ? 'Start it again' : 'Change it'}
      </a>
    </section>
  );
}
