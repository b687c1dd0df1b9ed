import type { Job, MetricsRow } from '../../../src/client/descent.ts';
import type { Doctor, StepRow, Verdict } from '../../../src/client/types.ts';
import { historyOf, jobOf } from '../api/jobs.ts';
import { descent } from '../api/server.ts';
import { seriesColour } from '../charts/colours.ts';
import { LineChart } from '../charts/line-chart.tsx';
import { short, whole } from '../parts/format.ts';
import { Problem } from '../parts/problem.tsx';
import { Scroll } from '../parts/scroll.tsx';
import { useLoaded } from '../parts/use-loaded.ts';
import { route } from '../route.ts';

/** What the training doctor sees of the job in the address: verdicts, layers, and what single steps measured. */
export function DoctorOf() {
  const job = jobOf(route.value.path[1]!).value;
  return job === 'gone' || job === 'unknown' ? null : <Examined job={job} />;
}

const STEPS = 2000;

function Examined({ job }: { job: Job }) {
  const { id, terminal, latest } = job;
  const loaded = useLoaded(
    async (signal) => {
      const [doctor, steps] = await Promise.all([
        descent.jobs.doctor(id, { signal }),
        descent.jobs.metrics(id, { granularity: 'step', max_points: STEPS, signal }),
      ]);
      return { doctor, steps: steps.data };
    },
    [id, terminal, latest?.epoch],
  );
  const { value, error } = loaded.value;
  const rows = latest === null ? [] : historyOf(id).value;
  return (
    <section class="card doctor">
      <h2>Doctor</h2>
      <Problem error={error} />
      {value !== undefined && (
        <>
          <Verdicts
            verdicts={value.doctor.verdicts}
            isEmpty={value.doctor.epochs.length === 0}
            terminal={terminal}
          />
          <Layers doctor={value.doctor} />
          {value.steps.length > 0 && <Steps steps={value.steps} rows={rows} id={id} />}
        </>
      )}
    </section>
  );
}

function Verdicts({
  verdicts,
  isEmpty,
  terminal,
}: {
  verdicts: readonly Verdict[];
  isEmpty: boolean;
  terminal: boolean;
}) {
  if (verdicts.length > 0) {
    return (
      <ul>
        {verdicts.map(({ rule, epoch, detail }) => (
          <li key={rule}>
            <strong>{rule.replaceAll('_', ' ')}</strong> <span class="faint">(epoch {epoch})</span> {detail}
          </li>
        ))}
      </ul>
    );
  }
  if (!isEmpty) return <p>Nothing to complain about{terminal ? '' : ' so far'}.</p>;
  return (
    <p class="faint">
      {terminal ? 'No epoch was examined.' : 'The first examination comes with the first checkpoint.'}
    </p>
  );
}

/** Of the latest epoch. */
function Layers({ doctor: { epochs } }: { doctor: Doctor }) {
  const latest = epochs.at(-1);
  if (latest === undefined) return null;
  return (
    <Scroll label="Layers">
      <table>
        <caption class="faint">
          The layers in epoch {latest.epoch}. A step that changes weights by a thousandth, 10<sup>-3</sup>, is
          usual.
        </caption>
        <thead>
          <tr>
            {['Layer', 'Units', 'Gradient norm', 'log10(change / weight)', 'Dead units'].map((title) => (
              <th key={title} scope="col" class="number">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {latest.layers.map(({ units, gradient_norm, update_ratio, dead_units }, l) => (
            <tr key={l}>
              <th scope="row" class="number">
                {l + 1}
              </th>
              <td class="number">{whole(units)}</td>
              <td class="number">{short(gradient_norm)}</td>
              <td class="number">{short(update_ratio)}</td>
              <td class="number">{whole(dead_units)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** The loss of single batches behind that of the epochs, and the norm of the gradient. */
function Steps({ steps, rows, id }: { steps: readonly StepRow[]; rows: readonly MetricsRow[]; id: string }) {
  const x = [...new Set([...steps, ...rows].map(({ step }) => step))].sort((a, b) => a - b);
  const along = (values: readonly (readonly [step: number, value: number | null])[]) => {
    const known = new Map(values);
    return x.map((step) => known.get(step) ?? null);
  };
  const shared = { x, xTitle: 'step', isLogY: true, syncKey: `steps ${id}`, format: short };
  const last = steps.at(-1)!;
  return (
    <div class="curves">
      <div>
        <h3>Loss by step</h3>
        <LineChart
          {...shared}
          title={`Loss of single batches by step, and of epochs. At step ${last.step}: ${short(last.loss)}.`}
          lines={[
            {
              id: 'batch',
              label: 'batch',
              colour: seriesColour(1),
              isFaint: true,
              values: along(steps.map(({ step, loss }) => [step, loss])),
            },
            {
              id: 'epoch',
              label: 'epoch',
              colour: seriesColour(0),
              values: along(rows.map(({ step, loss }) => [step, loss])),
            },
          ]}
        />
      </div>
      <div>
        <h3>Gradient norm by step</h3>
        <LineChart
          {...shared}
          title={`Norm of the gradient by step. At step ${last.step}: ${short(last.gradient_norm)}.`}
          lines={[
            {
              id: 'gradient',
              label: 'gradient norm',
              colour: seriesColour(0),
              values: along(steps.map(({ step, gradient_norm }) => [step, gradient_norm])),
            },
          ]}
        />
      </div>
    </div>
  );
}
