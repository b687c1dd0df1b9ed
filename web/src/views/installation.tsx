import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import type { Engine, Me, Readiness, Worker } from '../../../src/client/types.ts';
import { base, caller, descent } from '../api/server.ts';
import { ago, bytes, seconds, short, whole } from '../parts/format.ts';
import { now } from '../parts/now.ts';
import { Problem } from '../parts/problem.tsx';
import { Scroll } from '../parts/scroll.tsx';
import { useLoaded } from '../parts/use-loaded.ts';
import { href } from '../route.ts';
import { nameById } from './job-name.ts';

/** Workers report that often, in ms; nothing tells a page of it. */
const AGAIN_MS = 5_000;

/** What this Descent consists of, and whether all of it works. */
export function Installation() {
  const tick = useSignal(0);
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') tick.value += 1;
    }, AGAIN_MS);
    return () => clearInterval(timer);
  }, []);
  const again = [tick.value];
  const readiness = useLoaded((signal) => descent.installation.readiness({ signal }), again).value;
  const role = caller.value?.role;
  const workers = useLoaded(
    async (signal) => (role === 'admin' ? await descent.installation.workers({ signal }) : undefined),
    [role, ...again],
  ).value;
  const engines = useLoaded((signal) => descent.installation.engines({ signal }), again).value;
  const me = useLoaded((signal) => descent.installation.me({ signal }), again).value;
  return (
    <>
      <div class="head">
        <h1>Installation</h1>
        <span class="faint">
          {readiness.value && `version ${readiness.value.version} · `}
          <a href={`${base}docs`}>Documentation of the API</a>
        </span>
      </div>
      <div class="grid above">
        <section class="card">
          <h2>Does it work?</h2>
          <Problem error={readiness.error} />
          {readiness.error === undefined && <Checks readiness={readiness.value} />}
        </section>
        <section class="card">
          <h2>Your usage</h2>
          <Problem error={me.error} />
          <Use me={me.value} />
        </section>
      </div>
      <section class="card">
        <h2>Workers</h2>
        <Problem error={workers.error} />
        {role === undefined || role === 'admin' ? (
          <Workers workers={workers.value} />
        ) : (
          <p>Workers are shown to admins.</p>
        )}
      </section>
      <section class="card">
        <h2>Engines</h2>
        <Problem error={engines.error} />
        <Engines engines={engines.value} />
      </section>
    </>
  );
}

const CHECKS = {
  redis: 'Redis keeps what is written',
  queue: 'Accepted jobs reach the queue',
  storage: 'Models and datasets can be read',
  workers: 'A worker takes jobs',
} as const;

function Checks({ readiness }: { readiness: Readiness | undefined }) {
  return (
    <table>
      <tbody>
        {Object.entries(CHECKS).map(([name, title]) => {
          const found = readiness?.checks[name as keyof typeof CHECKS];
          return (
            <tr key={name}>
              <th scope="row">{title}</th>
              <td>
                {found === 'ok' ? (
                  <span class="status succeeded" data-sign="✓">
                    yes
                  </span>
                ) : (
                  (found ?? '…')
                )}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

const USES = {
  queued: 'Jobs that wait',
  running: 'Jobs that run',
  storage_bytes: 'Files of finished jobs',
  requests_this_minute: 'Requests this minute',
  streams: 'Open streams',
} as const;

function Use({ me }: { me: Me | undefined }) {
  return (
    <table>
      <thead>
        <tr>
          <td />
          <th scope="col" class="number">
            Now
          </th>
          <th scope="col" class="number">
            Limit
          </th>
        </tr>
      </thead>
      <tbody>
        {Object.entries(USES).map(([name, title]) => {
          const use = me?.use[name as keyof typeof USES];
          const shown = name === 'storage_bytes' ? bytes : whole;
          return (
            <tr key={name}>
              <th scope="row">{title}</th>
              <td class="number">{shown(use?.used)}</td>
              <td class="number">{use?.limit === null ? 'no limit' : shown(use?.limit)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Workers({ workers }: { workers: readonly Worker[] | undefined }) {
  if (workers?.length === 0) return <p>No worker runs: jobs wait until one does.</p>;
  return (
    <Scroll label="Workers">
      <table>
        <thead>
          <tr>
            <th scope="col">Worker</th>
            <th scope="col">What it does</th>
            <th scope="col" class="number">
              Jobs at a time
            </th>
            <th scope="col" class="number">
              Memory per job
            </th>
            <th scope="col" class="number">
              Succeeded
            </th>
            <th scope="col" class="number">
              Failed
            </th>
            <th scope="col">Started</th>
            <th scope="col" class="number">
              Clock offset
            </th>
          </tr>
        </thead>
        <tbody>
          {workers?.map((worker) => (
            <tr key={worker.id}>
              <th scope="row">{worker.id}</th>
              <td>
                <Doing worker={worker} />
              </td>
              <td class="number">{worker.concurrency}</td>
              <td class="number">{worker.memory_mb === null ? '–' : bytes(worker.memory_mb * 1e6)}</td>
              <td class="number">{whole(worker.counters.jobs_succeeded)}</td>
              <td class="number">{whole(worker.counters.jobs_failed)}</td>
              <td>{ago(worker.started_at, now.value)}</td>
              <td class="number" title="Its clock minus that of Redis">
                {worker.clock_offset_ms === null ? '–' : seconds(worker.clock_offset_ms / 1000)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Doing({ worker: { problem, running } }: { worker: Worker }) {
  if (problem !== null) return <span class="error">Takes no jobs: {problem}</span>;
  if (running.length === 0) return <span class="faint">waits for a job</span>;
  return (
    <>
      {running.map(({ job, epoch, epochs, steps_per_second }) => (
        <div key={job}>
          <a href={href(`jobs/${job}`)}>{nameById(job)}</a> epoch {epoch} of {epochs}
          {steps_per_second !== null && `, ${short(Math.round(steps_per_second))} steps/s`}
        </div>
      ))}
    </>
  );
}

function Engines({ engines }: { engines: readonly Engine[] | undefined }) {
  return (
    <Scroll label="Engines">
      <table>
        <thead>
          <tr>
            <th scope="col">Engine</th>
            <th scope="col">Available</th>
            <th scope="col">Version</th>
            <th scope="col">Backend</th>
            <th scope="col">Note</th>
          </tr>
        </thead>
        <tbody>
          {engines?.map(({ name, available, version, backend, reason, workers }) => (
            <tr key={`${name} ${workers.join()}`}>
              <th scope="row">{name}</th>
              <td>
                <span
                  class={`status ${available ? 'succeeded' : 'failed'}`}
                  data-sign={available ? '✓' : '✕'}
                >
                  {available ? 'yes' : 'no'}
                </span>
              </td>
              <td>{version ?? '–'}</td>
              <td>{backend ?? '–'}</td>
              <td class="why">{reason ?? '–'}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}
