import { datasetOf } from '../api/datasets-known.ts';
import { jobOf } from '../api/jobs.ts';
import { Problem } from '../parts/problem.tsx';
import { useJobList } from '../parts/use-job-list.ts';
import { href, route } from '../route.ts';
import { DrawIt, isDrawnFor, MOST_JOBS } from './try-it-draw.tsx';
import { TryTable } from './try-it-table.tsx';

/** Ask the models of some jobs: with a drawing, or with the columns of a table. Which jobs is in the address. */
export function TryIt() {
  const list = useJobList({ status: 'succeeded', sort: '-test_accuracy' });
  const best = list.ids.value;
  const isEmpty = best.length === 0 && list.state.value === 'complete';
  const chosen = route.value.query.get('jobs')?.split(',').filter(Boolean).slice(0, MOST_JOBS);
  const ids = [...new Set(chosen ?? [best.find(isDrawnFor) ?? best[0]].filter((id) => id !== undefined))];
  return (
    <>
      <div class="head">
        <h1>Try it</h1>
      </div>
      <Problem error={list.error.value} />
      {isEmpty && ids.length === 0 ? (
        <section class="card empty">
          <p>
            No job has finished yet. <a href={href('new')}>Train one</a>, then ask its model here.
          </p>
        </section>
      ) : (
        ids[0] !== undefined && <Of ids={ids} first={ids[0]} best={best} />
      )}
    </>
  );
}

/** The first job decides what is asked. */
function Of({ ids, first, best }: { ids: readonly string[]; first: string; best: readonly string[] }) {
  const job = jobOf(first).value;
  const dataset = typeof job === 'object' ? datasetOf(job.spec.dataset) : null;
  if (dataset === undefined || job === 'unknown') return <p class="faint">Loading …</p>;
  return dataset?.kind === 'table' ? (
    <TryTable key={first} id={first} best={best} />
  ) : (
    <DrawIt ids={ids} best={best} />
  );
}
