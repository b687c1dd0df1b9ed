import { useSignal } from '@preact/signals';
import { jobOf } from '../api/jobs.ts';
import { ago, rate } from '../parts/format.ts';
import { now } from '../parts/now.ts';
import { Problem } from '../parts/problem.tsx';
import { Status } from '../parts/status.tsx';
import { toggled } from '../parts/toggled.ts';
import { useJobList } from '../parts/use-job-list.ts';
import { href } from '../route.ts';
import { MOST_COMPARED } from './compare-state.ts';
import { nameOf } from './job-name.ts';

/** No jobs are in the address: choose from the latest ones. */
export function CompareChoice({ first }: { first: readonly string[] }) {
  const list = useJobList({});
  const chosen = useSignal<ReadonlySet<string>>(new Set(first));
  const ids = list.ids.value.slice(0, 200);
  const count = chosen.value.size;
  const toggle = (id: string) => {
    chosen.value = toggled(chosen.peek(), id);
  };
  return (
    <section class="card">
      <div class="row choice-head">
        <span class="faint" aria-live="polite">
          {count === 0 ? 'Choose 2 to 50 of the latest jobs.' : `${count} chosen, 2 to 50 can be compared.`}
        </span>
        {count >= 2 && count <= MOST_COMPARED && (
          <a class="button primary" href={href('compare', { jobs: [...chosen.value].join(',') })}>
            Compare
          </a>
        )}
      </div>
      <Problem error={list.error.value} />
      {ids.length === 0 && list.state.value === 'complete' && (
        <p>
          There are no jobs yet. <a href={href('new')}>Make one</a>, or{' '}
          <a href={href('race')}>race four optimizers</a>.
        </p>
      )}
      <ul class="choice">
        {ids.map((id) => (
          <Choice key={id} id={id} isChosen={chosen.value.has(id)} onToggle={toggle} />
        ))}
      </ul>
    </section>
  );
}

function Choice(props: { id: string; isChosen: boolean; onToggle(id: string): void }) {
  const { id, isChosen, onToggle } = props;
  const job = jobOf(id).value;
  if (typeof job === 'string') return null;
  return (
    <li>
      <label>
        <input type="checkbox" checked={isChosen} onChange={() => onToggle(id)} />
        <span class="choice-name">{nameOf(job)}</span>
        <Status status={job.status} />
        <span class="faint">
          {job.spec.dataset}, {job.spec.optimizer.type} {rate(job.spec)}, {ago(job.created_at, now.value)}
        </span>
      </label>
    </li>
  );
}
