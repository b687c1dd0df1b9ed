import { useEffect, useRef } from 'preact/hooks';
import { COLOURS } from '../../../src/charts/colours.ts';
import type { DatasetDetail, DatasetRows, Job } from '../../../src/client/descent.ts';
import type { ClassPredictions } from '../../../src/client/types.ts';
import { descent } from '../api/server.ts';
import { percent, short, whole } from '../parts/format.ts';
import { Problem } from '../parts/problem.tsx';
import { useLoaded } from '../parts/use-loaded.ts';
import { againMs, modelOf } from './try-it-model.ts';
import { drawPlane, type Plane, pointsOf, shareRight, sharesOf } from './try-it-plane.ts';

/** Predictions along a side. One request takes 1,000 rows. */
const SIDE = 60;
const MOST_ROWS = 1_000;

/** How long somebody moves the slider before the model is asked, in ms. */
const PAUSE_MS = 100;

interface Props {
  job: Job;
  /** Of the checkpoint that is asked, if it is not the model or the newest. */
  epoch: number | undefined;
  dataset: DatasetDetail;
  rows: DatasetRows['data'];
}

type Asked = Pick<ClassPredictions, 'epoch' | 'weights_sha256'>;

interface Shown {
  plane: Plane;
  of: Asked;
}

/**
 * What the model says of each point of the plane, over the points that it trains on. While the job trains it is that of
 * the newest checkpoint, again and again.
 */
export function Boundary({ job, epoch: asked, dataset, rows }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const shown = useRef<Shown | undefined>(undefined);
  const { id, status, terminal } = job;
  const classes = dataset.classes!;
  const points = pointsOf(rows, classes, SIDE);
  const loaded = useLoaded(
    async (signal) => {
      if (asked !== undefined) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      signal.throwIfAborted();
      const options = { ...modelOf(job, asked), signal };
      const said: ClassPredictions['data'] = [];
      const before = shown.current;
      let of: Asked | undefined;
      for (let from = 0; from < points.grid.length; from += MOST_ROWS) {
        const answer = await descent.jobs.predict(id, points.grid.slice(from, from + MOST_ROWS), options);
        // The same as before, or another since the first part: then it is asked again in a moment.
        if (isSame(before?.of, answer) || (of !== undefined && !isSame(of, answer))) return before;
        of = answer;
        said.push(...(answer as ClassPredictions).data);
      }
      const plane: Plane = { side: SIDE, probabilities: said.map(({ probabilities }) => probabilities) };
      shown.current = { plane, of: of! };
      return shown.current;
    },
    [id, status, asked],
    againMs(job),
  );
  const { value, error } = loaded.value;
  const plane = value?.plane;
  useEffect(() => {
    if (plane !== undefined) drawPlane(canvas.current!, plane, points, colours(classes.length));
  }, [plane]);
  const [x, y] = dataset.columns?.map(({ name }) => name) ?? ['x1', 'x2'];
  return (
    <section class="card boundary" aria-labelledby="boundary">
      <h2 id="boundary">Where it draws the line</h2>
      <p class="faint" role="status">
        {value === undefined
          ? terminal
            ? 'Asking the model …'
            : 'Waiting for the first checkpoint …'
          : `After ${whole(value.of.epoch)} ${value.of.epoch === 1 ? 'epoch' : 'epochs'}${terminal ? '' : ', and it goes on'}.`}
      </p>
      <Problem error={terminal || plane !== undefined ? error : undefined} />
      <canvas
        ref={canvas}
        width={SIDE * 10}
        height={SIDE * 10}
        role="img"
        aria-label={
          plane === undefined
            ? 'The plane, not known yet'
            : `The plane with ${points.points.length} train rows, ${percent(shareRight(plane, points))} of them where the model says their class`
        }
      />
      <p class="faint">
        {x} from {short(points.x.from)} to {short(points.x.to)} to the right, {y} from {short(points.y.from)}{' '}
        to {short(points.y.to)} upwards.
      </p>
      <ul class="legend">
        {classes.map((label, at) => (
          <li key={label}>
            <span class={`mark mark-${at % 4}`} style={{ background: colours(classes.length)[at] }} />
            {label}: {plane === undefined ? '–' : percent(sharesOf(plane)[at])} of the plane
          </li>
        ))}
      </ul>
    </section>
  );
}

/** With `restore_best_weights` later epochs may have the same weights. */
const isSame = (a: Asked | undefined, b: Asked): boolean =>
  a?.epoch === b.epoch && a.weights_sha256 === b.weights_sha256;

/** The plane is light in either scheme. */
const colours = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => COLOURS[at % COLOURS.length]!.light);
