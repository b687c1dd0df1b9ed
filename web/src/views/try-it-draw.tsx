import { useComputed, useSignal } from '@preact/signals';
import { hasPictures } from '../api/datasets-known.ts';
import { jobOf } from '../api/jobs.ts';
import { percent, short } from '../parts/format.ts';
import { route, setQuery } from '../route.ts';
import { nameOf } from './job-name.ts';
import { Canvas } from './try-it-canvas.tsx';
import { Guess } from './try-it-guess.tsx';

/** Each is a request per stroke. */
export const MOST_JOBS = 6;

/** Whether the model of a job takes pictures; false while that is not known. */
export function isDrawnFor(id: string): boolean {
  const job = jobOf(id).value;
  return typeof job === 'object' && hasPictures(job.spec.dataset);
}

interface Props {
  ids: readonly string[];
  /** All that can be asked, the most accurate first. */
  best: readonly string[];
}

/** Draw a digit, and see what the models of some jobs make of it. */
export function DrawIt({ ids, best }: Props) {
  const picture = useSignal<Blob | undefined>(undefined);
  const isRaw = useComputed(() => route.value.query.get('raw') === '1');
  const question = useComputed(() => ({ picture: picture.value, isRaw: isRaw.value }));
  const choose = (next: readonly string[]) => setQuery({ jobs: next.join(',') });
  return (
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
  );
}

interface PickerProps {
  ids: readonly string[];
  /** All that can be chosen, the most accurate first. */
  best: readonly string[];
  onChoose(ids: readonly string[]): void;
}

/** The first may be any job, which changes the view; those beside it are asked the same. */
export function Picker({ ids, best, onChoose }: PickerProps) {
  const others = best.filter((id) => !ids.includes(id));
  const alike = others.filter(isDrawnFor);
  return (
    <div class="row picker">
      {ids.map((id, at) => (
        <span key={id} class="row pick">
          <select
            aria-label={`Job ${at + 1}`}
            value={id}
            onChange={({ currentTarget: { value } }) =>
              onChoose(isDrawnFor(value) ? ids.with(at, value) : [value])
            }
          >
            {[id, ...(at === 0 ? others : alike)].map((each) => (
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
      {isDrawnFor(ids[0]!) && alike.length > 0 && ids.length < MOST_JOBS && (
        <button type="button" onClick={() => onChoose([...ids, alike[0]!])}>
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
      {job.result?.test.mae == null
        ? percent(job.result?.test.accuracy)
        : `MAE ${short(job.result.test.mae)}`}
    </option>
  );
}
