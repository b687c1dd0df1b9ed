import { useSignal } from '@preact/signals';
import type { Job } from '../../../src/client/descent.ts';
import { datasetOf } from '../api/datasets-known.ts';
import { forget, progressOf, remember } from '../api/jobs.ts';
import { descent } from '../api/server.ts';
import { ago, rate, seconds, whole } from '../parts/format.ts';
import { now } from '../parts/now.ts';
import { Problem } from '../parts/problem.tsx';
import { Status } from '../parts/status.tsx';
import { go, href } from '../route.ts';
import { nameOf, titleOf } from './job-name.ts';

/** What the job is, how far it is, and what can be done with it. */
export function Head({ job }: { job: Job }) {
  const { id, spec, status, engine, parameters } = job;
  return (
    <section class="card">
      <div class="head job-head">
        <div>
          <p class="faint">
            <a href={href('jobs')}>Jobs</a> / <code>{id}</code>
          </p>
          <h1>{titleOf(job)}</h1>
          <p class="faint">
            <Status status={status} /> · {spec.dataset} · {spec.optimizer.type}, learning rate {rate(spec)} ·{' '}
            {whole(parameters)} parameters
            {engine !== null && ` · ${engine} engine`} · created {ago(job.created_at, now.value)}
          </p>
        </div>
        <Actions job={job} />
      </div>
      <Progress job={job} />
      <Origin job={job} />
    </section>
  );
}

const linkTo = (id: string) => (
  <a href={href(`jobs/${id}`)}>
    <code>{id}</code>
  </a>
);

/** Whose result it is, and whether training it again led there, too. */
function Origin({ job: { id, cached_from, verifies, verification } }: { job: Job }) {
  return (
    <>
      {cached_from !== null && (
        <p class="faint">Not trained: it has the result of {linkTo(cached_from)}, cached.</p>
      )}
      {verifies !== null && verification === null && <p class="faint">Verifies {linkTo(verifies.job)}.</p>}
      {verification !== null && (
        <p class={verification.verdict === 'verified' ? 'faint' : 'error'}>
          {verification.verdict === 'verified'
            ? '✓ Verified: same weights and metrics as '
            : '✗ Differs from '}
          {linkTo(verification.by === id ? verification.job : verification.by)}
        </p>
      )}
    </>
  );
}

function Progress({ job }: { job: Job }) {
  const progress = progressOf(job);
  return (
    <div class="job-progress">
      <progress value={progress.fraction} max={1} aria-label="Progress" />
      <p class="faint">{saying(job, progress)}</p>
    </div>
  );
}

function saying(job: Job, progress: Job['progress']): string {
  const { status, terminal, queue_position, estimated_seconds, result } = job;
  const { epoch, epochs, step, steps, eta_seconds, steps_per_second } = progress;
  const far = `epoch ${whole(epoch)} of ${whole(epochs)} · step ${whole(step)} of ${whole(steps)}`;
  if (status === 'queued') {
    const place = queue_position === null ? 'In the queue' : `Number ${whole(queue_position)} in the queue`;
    const long = estimated_seconds === null ? '' : ` · expected to take ${seconds(estimated_seconds)}`;
    return place + long + (step === 0 ? '' : ` · goes on from ${far}`);
  }
  if (status === 'succeeded') {
    return `${whole(epochs)} ${epochs === 1 ? 'epoch' : 'epochs'} · ${whole(steps)} steps · ${job.cached ? 'once took' : 'took'} ${seconds(result?.duration_seconds)}`;
  }
  if (terminal || status === 'paused') return `${terminal ? 'Ended' : 'Paused'} at ${far}`;
  const left = eta_seconds === null ? 'time left not known yet' : `${seconds(eta_seconds)} left`;
  const speed = steps_per_second === null ? '' : ` · ${whole(Math.round(steps_per_second))} steps/s`;
  return `${left} · ${far}${speed}`;
}

function Actions({ job }: { job: Job }) {
  const { id, status, terminal } = job;
  const error = useSignal<unknown>(undefined);
  const attempt = async (act: () => Promise<void>) => {
    error.value = undefined;
    try {
      await act();
    } catch (reason) {
      error.value = reason;
    }
  };
  const cancel = () => attempt(async () => remember(await descent.jobs.cancel(id)));
  const verify = () =>
    attempt(async () => {
      const again = await descent.jobs.verify(id);
      remember(again);
      go(href(`jobs/${again.id}`));
    });
  const isPaused = status === 'paused';
  const toggle = () => attempt(async () => remember(await descent.jobs[isPaused ? 'resume' : 'pause'](id)));
  const remove = async () => {
    if (!confirm(`Delete ${nameOf(job)} with its model? This cannot be undone.`)) return;
    await attempt(async () => {
      await descent.jobs.delete(id);
      forget(id);
    });
  };
  return (
    <div class="job-actions">
      <div class="row">
        {(status === 'succeeded' ||
          (status === 'running' && datasetOf(job.spec.dataset)?.kind === 'table')) && (
          <a class="button primary" href={href('try', { jobs: id })}>
            Try it
          </a>
        )}
        <a class="button" href={href('new', { from: id })}>
          Again with changes
        </a>
        <a class="button" href={href('compare', { jobs: id })}>
          Compare
        </a>
        {status === 'succeeded' && (
          <button type="button" title="Train it again and compare" onClick={() => void verify()}>
            Verify
          </button>
        )}
        {!terminal && (
          <button
            type="button"
            disabled={status === 'pausing' || status === 'cancelling'}
            onClick={() => void toggle()}
          >
            {isPaused ? 'Resume' : 'Pause'}
          </button>
        )}
        {terminal ? (
          <button type="button" class="danger" onClick={() => void remove()}>
            Delete
          </button>
        ) : (
          <button type="button" disabled={status === 'cancelling'} onClick={() => void cancel()}>
            Cancel
          </button>
        )}
      </div>
      <Problem error={error.value} />
    </div>
  );
}
