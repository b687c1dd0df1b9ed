import { seriesColour } from '../charts/colours.ts';
import { percent, seconds } from '../parts/format.ts';
import { Scroll } from '../parts/scroll.tsx';
import { resultOf } from './compare-curves.ts';
import { deviation, type Lane, mean } from './race-curves.ts';
import { SEEDS } from './race-plan.ts';

const with2 = (values: readonly number[], format: (value: number | null) => string): string =>
  values.length < 2
    ? format(mean(values))
    : `${format(mean(values)).replace(/ ?[%s]$/, '')} ± ${format(deviation(values))}`;

const fourDecimals = (value: number | null): string => value?.toFixed(4) ?? '–';

/** Mean and standard deviation over the seeds that have come so far. */
export function RaceTable({ lanes }: { lanes: readonly Lane[] }) {
  const rows = lanes.map(({ type, jobs }) => ({
    type,
    ended: jobs.filter(({ job }) => job.status === 'succeeded').length,
    accuracy: jobs.flatMap(({ job }) => job.result?.test.accuracy ?? []),
    loss: jobs.flatMap((one) => resultOf(one.rows, 'val_loss', 'best')?.value ?? []),
    duration: jobs.flatMap(({ job }) => job.result?.duration_seconds ?? []),
  }));
  const most = Math.max(...rows.map(({ accuracy }) => mean(accuracy) ?? Number.NEGATIVE_INFINITY));
  return (
    <Scroll label="Results">
      <table class="compared">
        <caption class="faint">Mean ± standard deviation over the seeds</caption>
        <thead>
          <tr>
            <th scope="col">Optimizer</th>
            <th scope="col" class="number">
              Finished
            </th>
            <th scope="col" class="number">
              Test accuracy
            </th>
            <th scope="col" class="number">
              Best val_loss
            </th>
            <th scope="col" class="number">
              Duration
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ type, ended, accuracy, loss, duration }, i) => (
            <tr key={type}>
              <td>
                <span class="swatch" style={{ background: seriesColour(i) }} /> {type}
              </td>
              <td class="number">
                {ended} of {SEEDS.length}
              </td>
              <td class="number">
                {with2(accuracy, percent)}
                {accuracy.length > 0 && mean(accuracy) === most && <span title="The highest"> ★</span>}
              </td>
              <td class="number">{with2(loss, fourDecimals)}</td>
              <td class="number">{seconds(mean(duration))}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
