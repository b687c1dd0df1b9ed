import type { Job } from '../../../src/client/descent.ts';
import type { ClassEvaluation } from '../../../src/client/types.ts';
import { fileOf } from '../api/files.ts';
import { descent } from '../api/server.ts';
import { percent, short, whole } from '../parts/format.ts';
import { Problem } from '../parts/problem.tsx';
import { useLoaded } from '../parts/use-loaded.ts';
import { route } from '../route.ts';
import { type Cell, CellRows } from './job-cell.tsx';
import { ClassTable } from './job-classes.tsx';
import { ConfusionMatrix } from './job-confusion.tsx';
import { Mistakes } from './job-mistakes.tsx';

/** How well the finished model does on the test rows. */
export function EvaluationOf({ job }: { job: Job }) {
  const { id, status } = job;
  const hasOne = status === 'succeeded';
  const loaded = useLoaded(
    async (signal) => (hasOne ? await descent.jobs.evaluation(id, { signal }) : undefined),
    [id, hasOne],
  );
  const { value, error } = loaded.value;
  const { query } = route.value;
  if (!hasOne) {
    return (
      <section class="card">
        <h2>On the test rows</h2>
        <p class="faint">
          {job.terminal
            ? 'Only a job that succeeds is measured on the test rows.'
            : 'After the last epoch the model is measured on rows that it has never seen.'}
        </p>
      </section>
    );
  }
  if (value === undefined) {
    return (
      <section class="card evaluation-loading">
        <h2>On the test rows</h2>
        <Problem error={error} />
        {error === undefined && <p class="faint">Loading …</p>}
      </section>
    );
  }
  if (value.task === 'regression') {
    return (
      <section class="card">
        <h2>On the test rows</h2>
        <p class="faint">
          {whole(value.rows)} rows: MAE {short(value.mae)}, RMSE {short(value.rmse)}, R² {short(value.r2)},
          loss {short(value.loss)}.
        </p>
        <img src={fileOf(id, '/charts/residuals.svg')} alt="Histogram of the residuals" />
      </section>
    );
  }
  const asked = { actual: query.get('actual') ?? undefined, predicted: query.get('predicted') ?? undefined };
  const isAsked = asked.actual !== undefined && asked.predicted !== undefined;
  const cell = isAsked ? asked : worstCell(value);
  return (
    <section class="card">
      <h2>On the test rows</h2>
      <p class="faint">
        {percent(value.accuracy)} of {whole(value.rows)} rows right, loss {short(value.loss)}.
      </p>
      <div class="evaluation">
        <ConfusionMatrix evaluation={value} chosen={cell} />
        <CellRows id={id} cell={cell} isAsked={isAsked} from={Number(query.get('from')) || 0} />
      </div>
      <div class="evaluation">
        <ClassTable classes={value.classes} />
        <Mistakes job={job} mistakes={value.worst_mistakes} />
      </div>
    </section>
  );
}

/** The mistake that was made most often, to begin with. */
function worstCell({ confusion_matrix: matrix, classes }: ClassEvaluation): Cell {
  let [most, actual, predicted] = [0, -1, -1];
  matrix.forEach((counts, i) => {
    counts.forEach((count, j) => {
      if (i !== j && count > most) [most, actual, predicted] = [count, i, j];
    });
  });
  return { actual: classes[actual]?.label, predicted: classes[predicted]?.label };
}
