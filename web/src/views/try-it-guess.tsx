import { type Signal, useSignal, useSignalEffect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { ClassPredictions } from '../../../src/client/types.ts';
import { jobOf } from '../api/jobs.ts';
import { descent } from '../api/server.ts';
import { percent } from '../parts/format.ts';
import { Problem } from '../parts/problem.tsx';
import { href } from '../route.ts';
import { nameById, titleOf } from './job-name.ts';
import { Tail } from './job-tail.tsx';

interface Question {
  picture: Blob | undefined;
  isRaw: boolean;
}

/** What the model of a job says of the newest picture. One request at a time; pictures between are skipped. */
function useGuess(id: string, question: Signal<Question>) {
  const guess = useSignal<{ said?: ClassPredictions | undefined; error?: unknown }>({});
  const isAsking = useRef(false);
  const stop = useRef(new AbortController());
  const ask = async () => {
    if (isAsking.current) return;
    isAsking.current = true;
    for (let asked: Question | undefined; asked !== question.peek() && !stop.current.signal.aborted; ) {
      asked = question.peek();
      if (asked.picture === undefined) {
        guess.value = {};
        continue;
      }
      try {
        // Only the models of digits are asked.
        const said = (await descent.jobs.predict(id, asked.picture, {
          fit: asked.isRaw ? 'stretch' : 'mnist',
          signal: stop.current.signal,
        })) as ClassPredictions;
        // What was cleared meanwhile is not answered any more.
        if (question.peek().picture !== undefined) guess.value = { said };
      } catch (error) {
        if (!stop.current.signal.aborted) guess.value = { error };
      }
    }
    isAsking.current = false;
  };
  useSignalEffect(() => {
    void question.value;
    void ask();
  });
  useEffect(() => () => stop.current.abort(), []);
  return guess;
}

/** A job's answer: the digit, what its model saw, and how sure it is of each. */
export function Guess({ id, question }: { id: string; question: Signal<Question> }) {
  const { said, error } = useGuess(id, question).value;
  const job = jobOf(id).value;
  const name = nameById(id);
  const first = said?.data[0];
  const isAsked = question.value.picture !== undefined && error === undefined;
  const waitingFor = isAsked ? 'Asking the model …' : 'Draw a digit';
  const classes = said?.classes ?? Array.from({ length: 10 }, (_, digit) => String(digit));
  return (
    <section class="card guess" aria-label={`What ${name} says`}>
      <h2>
        <a href={href(`jobs/${id}`)}>{typeof job === 'object' ? titleOf(job) : name}</a>{' '}
        {typeof job === 'object' && <Tail job={job} />}
      </h2>
      <p class="faint">
        {typeof job === 'object'
          ? `${job.spec.optimizer.type}, ${percent(job.result?.test.accuracy)} of the test rows right`
          : job === 'gone'
            ? 'This job has been deleted.'
            : 'Loading …'}
      </p>
      <div class="answer">
        <p class="said" role="status">
          <span class="hidden">It says</span>
          <strong>{first?.label ?? '?'}</strong>
          <span class="faint">{first === undefined ? waitingFor : percent(first.probability)}</span>
        </p>
        <Seen pixels={said?.seen} />
      </div>
      <Problem error={error} />
      <table class="bars">
        <caption class="hidden">Probability of each class</caption>
        <tbody>
          {classes.map((label, at) => {
            const share = first?.probabilities[at] ?? 0;
            return (
              <tr key={label} class={at === first?.class ? 'chosen' : ''}>
                <th scope="row">{label}</th>
                <td>
                  <span class="bar" style={{ width: `${100 * share}%` }} />
                </td>
                <td class="number">{first === undefined ? '–' : percent(share)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function Seen({ pixels }: { pixels: ClassPredictions['seen'] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current!.getContext('2d')!;
    const height = pixels?.length ?? 28;
    const width = pixels?.[0]?.length ?? 28;
    canvas.current!.width = width;
    canvas.current!.height = height;
    const image = context.createImageData(width, height);
    const grey = pixels?.flat() ?? [];
    for (let i = 0; i < width * height; i += 1) {
      image.data.fill(grey[i] ?? 0, 4 * i, 4 * i + 3);
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }, [pixels]);
  return (
    <figure class="seen">
      <canvas
        ref={canvas}
        width={28}
        height={28}
        role="img"
        aria-label="The 28 × 28 pixels that the model sees"
      />
      <figcaption class="faint">what it sees</figcaption>
    </figure>
  );
}
