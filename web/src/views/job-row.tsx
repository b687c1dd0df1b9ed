import type { Job } from '../../../src/client/descent.ts';
import { historyOf, jobOf, progressOf } from '../api/jobs.ts';
import { Sparkline } from '../charts/sparkline.tsx';
import { ago, rate, seconds, short } from '../parts/format.ts';
import { now } from '../parts/now.ts';
import { tested } from '../parts/quality.ts';
import { Status } from '../parts/status.tsx';
import { href } from '../route.ts';
import { nameOf, titleOf } from './job-name.ts';
import { Tail } from './job-tail.tsx';

/** In px; jobs.css gives it to `.jobs td`. */
export const ROW_HEIGHT = 48;

interface Props {
  id: string;
  /** Its place among all rows, of which few exist; the heading is 1. */
  at: number;
  isSelected: boolean;
  onToggle(id: string): void;
}

export function JobRow({ id, at, isSelected, onToggle }: Props) {
  const job = jobOf(id).value;
  if (typeof job === 'string') {
    return (
      <tr aria-rowindex={at}>
        <td />
        <td colSpan={11} class="faint">
          {job === 'gone' ? `${id} has been deleted` : id}
        </td>
      </tr>
    );
  }
  const name = nameOf(job);
  return (
    <tr class={isSelected ? 'selected' : ''} aria-rowindex={at}>
      <td>
        <input
          type="checkbox"
          checked={isSelected}
          onChange={() => onToggle(id)}
          aria-label={`Select ${name}`}
        />
      </td>
      <td>
        <Status status={job.status} />
        {!job.terminal && job.status !== 'queued' && <Progress job={job} />}
      </td>
      <td class="name">
        <a href={href(`jobs/${id}`)} title={id}>
          {titleOf(job)}
        </a>
        <Tail job={job} />
      </td>
      <td class="wide">{job.spec.dataset}</td>
      <td class="wide">{job.spec.optimizer.type}</td>
      <td class="number wide">{rate(job.spec)}</td>
      <Curve job={job} />
      <td class="number">{tested(job)}</td>
      <td class="number">{seconds(job.result?.duration_seconds)}</td>
      <td class="faint">{ago(job.created_at, now.value)}</td>
    </tr>
  );
}

function Progress({ job }: { job: Job }) {
  return <progress value={progressOf(job).fraction} max={1} aria-label={`Progress of ${nameOf(job)}`} />;
}

/** val_loss so far: its curve, its last value and its lowest. */
function Curve({ job }: { job: Job }) {
  const rows = job.latest === null ? [] : historyOf(job.id).value;
  const values = rows.map(({ val_loss }) => val_loss);
  const known = values.filter((value) => value !== null);
  const best = job.result?.best?.val_loss?.value ?? (known.length > 0 ? Math.min(...known) : null);
  return (
    <>
      <td class="wide">
        <Sparkline values={values} />
      </td>
      <td class="number wide">{short(job.latest?.val_loss)}</td>
      <td class="number">{short(best)}</td>
    </>
  );
}
