import type { Signal } from '@preact/signals';
import { useSignal } from '@preact/signals';
import type { JobList } from '../api/job-list.ts';
import { forget, jobOf, remember } from '../api/jobs.ts';
import { descent } from '../api/server.ts';
import { Problem } from '../parts/problem.tsx';
import { href } from '../route.ts';
import { MOST_COMPARED } from './compare-state.ts';

/** What can be done with the jobs that are selected. */
export function SelectionBar({ selected, list }: { selected: Signal<ReadonlySet<string>>; list: JobList }) {
  const error = useSignal<unknown>(undefined);
  const ids = [...selected.value];
  const known = ids.map((id) => jobOf(id).value).filter((job) => typeof job === 'object');
  const live = known.filter(({ terminal }) => !terminal);
  const ended = known.filter(({ terminal }) => terminal);
  const each = async (jobs: typeof known, act: (id: string) => Promise<void>) => {
    error.value = undefined;
    try {
      for (const { id } of jobs) await act(id);
    } catch (reason) {
      error.value = reason;
    }
    void list.refresh();
  };
  const cancel = () => each(live, async (id) => remember(await descent.jobs.cancel(id)));
  const remove = async () => {
    const what =
      ended.length === 1
        ? '1 finished job with its model'
        : `${ended.length} finished jobs with their models`;
    if (!confirm(`Delete ${what}? This cannot be undone.`)) return;
    await each(ended, async (id) => {
      await descent.jobs.delete(id);
      forget(id);
    });
    selected.value = new Set(live.map(({ id }) => id));
  };
  return (
    <>
      <div class="row selection" aria-live="polite">
        <span class="faint">
          {ids.length === 0 ? 'Select jobs to compare them.' : `${ids.length} selected`}
        </span>
        {ids.length >= 2 && ids.length <= MOST_COMPARED && (
          <a class="button primary" href={href('compare', { jobs: ids.join(',') })}>
            Compare
          </a>
        )}
        {ids.length > MOST_COMPARED && <span class="faint">At most {MOST_COMPARED} can be compared.</span>}
        {live.length > 0 && (
          <button type="button" onClick={() => void cancel()}>
            Cancel {live.length}
          </button>
        )}
        {ended.length > 0 && (
          <button type="button" class="danger" onClick={() => void remove()}>
            Delete {ended.length}
          </button>
        )}
        {ids.length > 0 && (
          <button
            type="button"
            class="link"
            onClick={() => {
              selected.value = new Set();
            }}
          >
            Select none
          </button>
        )}
      </div>
      <Problem error={error.value} />
    </>
  );
}
