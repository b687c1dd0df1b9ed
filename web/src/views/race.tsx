import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { historyOf, jobOf, progressOf, remember } from '../api/jobs.ts';
import { descent } from '../api/server.ts';
import { LineChart } from '../charts/line-chart.tsx';
import { Copy } from '../parts/copy.tsx';
import { EpochTable } from '../parts/epoch-table.tsx';
import { short } from '../parts/format.ts';
import { Problem } from '../parts/problem.tsx';
import { useJobList } from '../parts/use-job-list.ts';
import { href, route, setQuery } from '../route.ts';
import { METRICS, stateIn } from './compare-state.ts';
import { raceCurves, raceTable } from './race-curves.ts';
import { planIn, RACE_SIZE, RACERS } from './race-plan.ts';
import { post, posting, stopPosting } from './race-post.ts';
import { RaceStart } from './race-start.tsx';
import { RaceTable } from './race-table.tsx';

export function Race() {
  const race = route.value.query.get('race');
  return (
    <>
      <div class="head">
        <h1>Optimizer race</h1>
        {race !== null && (
          <p class="row">
            <Copy text={location.href} label="Copy link" />
            <a class="button" href={href('race')}>
              New race
            </a>
          </p>
        )}
      </div>
      {race === null ? <RaceStart /> : <Racing key={race} race={race} />}
    </>
  );
}

function Racing({ race }: { race: string }) {
  const { query } = route.value;
  const { metric } = stateIn(query);
  const list = useJobList({ metadata: { race } });
  useEffect(() => {
    const plan = planIn(query);
    if (plan === undefined) return;
    // All are posted: from now on the link only shows.
    void post(plan).then((isDone) => {
      if (isDone && route.peek().query.get('race') === race)
        setQuery({ dataset: undefined, epochs: undefined }, { replace: true });
      void list.refresh();
    });
  }, [race]);
  const known = list.ids.value.flatMap((id) => {
    const job = jobOf(id).value;
    return typeof job === 'object' ? [{ job, rows: historyOf(id).value }] : [];
  });
  const lanes = RACERS.map((type) => ({
    type,
    jobs: known.filter(({ job }) => job.spec.optimizer.type === type),
  }));
  const { x, lines } = raceCurves(lanes, metric);
  const isEmpty = known.length === 0 && list.state.value === 'complete' && posting.value === undefined;
  if (isEmpty) return <p class="card">No job of this race exists (any more). Start a new one.</p>;
  return (
    <>
      <RaceProgress jobs={known.map(({ job }) => job)} race={race} />
      <Problem error={list.error.value} />
      <div class="race beside-chart">
        <section class="card compare-chart">
          <label>
            Measure
            <select
              value={metric}
              onChange={(event) => setQuery({ metric: event.currentTarget.value }, { replace: true })}
            >
              {METRICS.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
          <LineChart
            title={`Mean ${metric} of each optimizer over epochs, with the range of its seeds; the tables have the values and the results`}
            x={x}
            xTitle="Epochs"
            lines={lines}
            height={400}
            format={short}
          />
          <p class="faint">Line: mean over the seeds so far. Band: from their lowest to their highest.</p>
          <EpochTable count={x.length} read={() => raceTable(x, lines)} />
        </section>
        <section class="card">
          <RaceTable lanes={lanes} />
          {known.length >= 2 && (
            <p>
              <a href={href('compare', { jobs: known.map(({ job }) => job.id).join(','), metric })}>
                Compare the single jobs
              </a>
            </p>
          )}
        </section>
      </div>
    </>
  );
}

type RacedJob = Awaited<ReturnType<typeof descent.jobs.get>>;

function RaceProgress({ jobs, race }: { jobs: readonly RacedJob[]; race: string }) {
  const error = useSignal<unknown>(undefined);
  const state = posting.value?.race === race ? posting.value : undefined;
  const live = jobs.filter(({ terminal }) => !terminal);
  const count = (status: string) => jobs.filter((job) => job.status === status).length;
  const failed = jobs.filter(({ status }) => status === 'failed');
  const done = jobs.reduce((sum, job) => sum + (job.terminal ? 1 : progressOf(job).fraction), 0);
  const cancel = async () => {
    error.value = undefined;
    stopPosting(race);
    setQuery({ dataset: undefined, epochs: undefined }, { replace: true });
    try {
      for (const { id } of live) remember(await descent.jobs.cancel(id));
    } catch (reason) {
      error.value = reason;
    }
  };
  return (
    <section class="card">
      <div class="row race-progress">
        <progress value={done} max={RACE_SIZE} aria-label="Progress of the race" />
        <span>
          {jobs.length} of {RACE_SIZE} jobs posted, {count('running')} running, {count('succeeded')} succeeded
          {failed.length > 0 && `, ${failed.length} failed`}
          {count('cancelled') > 0 && `, ${count('cancelled')} cancelled`}
        </span>
        {(live.length > 0 || state !== undefined) && (
          <button type="button" class="danger" onClick={() => void cancel()}>
            Cancel all
          </button>
        )}
      </div>
      <Problem error={error.value} />
      {state?.waits !== undefined && (
        <>
          <Problem error={state.waits} />
          <p class="faint">The page goes on posting as soon as there is room; keep it open.</p>
        </>
      )}
      {state?.error !== undefined && <Problem error={state.error} />}
      {failed.map(({ id, spec, error: reason }) => (
        <p key={id} class="error">
          <a href={href(`jobs/${id}`)}>{spec.name ?? id}</a>: {reason?.message}
        </p>
      ))}
    </section>
  );
}
