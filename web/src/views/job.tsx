import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Job } from '../../../src/client/descent.ts';
import { jobOf, progressOf, refresh } from '../api/jobs.ts';
import { later } from '../parts/later.tsx';
import { Problem } from '../parts/problem.tsx';
import { href, route } from '../route.ts';
import { Curves } from './job-curves.tsx';
import { EvaluationOf } from './job-evaluation.tsx';
import { Files } from './job-files.tsx';
import { Head } from './job-head.tsx';
import { History } from './job-history.tsx';
import { titleOf } from './job-name.ts';
import { Outcome } from './job-outcome.tsx';
import { SpecOf } from './job-spec.tsx';

const DoctorOf = later(async () => (await import('./job-doctor.tsx')).DoctorOf);

const AGAIN_MS = 3_000;

/** One job: how it learns, what came out, and what to do with it. */
export function JobPage() {
  const id = route.value.path[1]!;
  const job = jobOf(id).value;
  const problem = useSignal<unknown>(undefined);
  useEffect(() => {
    if (job !== 'unknown') return;
    const read = async () => {
      problem.value = await refresh(id);
    };
    const timer = setInterval(() => void read(), AGAIN_MS);
    return () => clearInterval(timer);
  }, [id, job === 'unknown']);
  if (job === 'gone') return <Gone id={id} />;
  if (job === 'unknown') {
    return (
      <section class="card job-loading">
        <p class="faint">Loading {id} …</p>
        <Problem error={problem.value} />
      </section>
    );
  }
  return (
    <div class="job">
      <TabTitle job={job} />
      <Head job={job} />
      <Outcome job={job} />
      <Curves job={job} />
      <EvaluationOf job={job} />
      <DoctorOf key={id} />
      <div class="grid">
        <SpecOf job={job} />
        <div>
          <History job={job} />
          <Files job={job} />
        </div>
      </div>
    </div>
  );
}

function TabTitle({ job }: { job: Job }) {
  const { fraction } = progressOf(job);
  const state = job.status === 'running' ? `${Math.floor(100 * fraction)} %` : job.status;
  useEffect(() => {
    document.title = `${state} · ${titleOf(job)} · Descent`;
  });
  return null;
}

function Gone({ id }: { id: string }) {
  return (
    <section class="card empty">
      <h1>There is no such job</h1>
      <p>
        No job has the id <code>{id}</code>. It has been deleted, or the address is not complete.
      </p>
      <a class="button" href={href('jobs')}>
        All jobs
      </a>
    </section>
  );
}
