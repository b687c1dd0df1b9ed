import { useComputed, useSignal } from '@preact/signals';
import { jobOf } from '../api/jobs.ts';
import { hasPictures } from '../api/names.ts';
import { percent } from '../parts/format.ts';
import { Problem } from '../parts/problem.tsx';
import { useJobList } from '../parts/use-job-list.ts';
import { href, route, setQuery } from '../route.ts';
import { nameOf } from './job-name.ts';
import { Canvas } from './try-it-canvas.tsx';
import { Guess } from './try-it-guess.tsx';

/** Each is a request per stroke. */
const MOST_JOBS = 6;

/** Draw a digit, and see what the models of some jobs make of it. Which jobs is in the address. */
export function TryIt() {
  const { query } = route.value;
  const list = useJobList({ status: 'succeeded', sort: '-test_accuracy' });
  const best = list.ids.value.filter((id) => {
    const job = jobOf(id).value;
    return typeof job !== 'object' || hasPictures(job.spec.dataset);
  });
  const isEmpty = best.length === 0 && list.state.value === 'complete';
  const chosen = query.get('jobs')?.split(',').filter(Boolean).slice(0, MOST_JOBS);
  const ids = [...new Set(chosen ?? best.slice(0, 1))];
  const picture = useSignal<Blob | undefined>(undefined);
  const isRaw = useComputed(() => route.value.query.get('raw') === '1');
  const question = useComputed(() => ({ picture: picture.value, isRaw: isRaw.value }));
  const choose = (next: readonly string[]) => setQuery({ jobs: next.join(',') });
  return (
    <>
      <div class="head">
        <h1>Try it</h1>
      </div>
      <Problem error={list.error.value} />
      {isEmpty && ids.length === 0 ? (
        <section class="card empty">
          <p>
            No job has finished yet. <a href={href('new')}>Train one</a>, then draw a digit here.
          </p>
        </section>
      ) : (
        <>
          <Picker ids={ids} best={best} onChoose={choose} />
          <div class="try">
            <Canvas picture={picture} />
            <div class="guesses">
              {ids.map((id) => (
                <Guess key={id} id={id} question={question} />
              ))}
            </div>
            <label class="card raw">
              <input
                type="checkbox"
                checked={isRaw.value}
                onChange={(event) =>
                  setQuery({ raw: event.currentTarget.checked ? '1' : undefined }, { replace: true })
                }
              />
              <span>
                Raw: only shrink the drawing. Otherwise it is cropped, scaled and centred like the training
                digits.
              </span>
            </label>
          </div>
        </>
      )}
    </>
  );
}

interface PickerProps {
  ids: readonly string[];
  /** All that can be chosen, the most accurate first. */
  best: readonly string[];
  onChoose(ids: readonly string[]): void;
}

function Picker({ ids, best, onChoose }: PickerProps) {
  const others = best.filter((id) => !ids.includes(id));
  return (
    <div class="row picker">
      {ids.map((id, at) => (
        <span key={id} class="row pick">
          <select
            aria-label={`Job ${at + 1}`}
            value={id}
            onChange={(event) => onChoose(ids.with(at, event.currentTarget.value))}
          >
            {[id, ...others].map((each) => (
              <Choice key={each} id={each} />
            ))}
          </select>
          {ids.length > 1 && (
            <button
              type="button"
              aria-label={`Remove job ${at + 1}`}
              onClick={() => onChoose(ids.toSpliced(at, 1))}
            >
              ✕
            </button>
          )}
        </span>
      ))}
      {others.length > 0 && ids.length < MOST_JOBS && (
        <button type="button" onClick={() => onChoose([...ids, others[0]!])}>
          Add a model
        </button>
      )}
    </div>
  );
}

function Choice({ id }: { id: string }) {
  const job = jobOf(id).value;
  if (typeof job !== 'object') return <option value={id}>{id}</option>;
  return (
    <option value={id}>
      {nameOf(job)} · {job.spec.name !== null && `${job.spec.optimizer.type} · `}
      {percent(job.result?.test.accuracy)}
    </option>
  );
}
