import { useEffect, useMemo } from 'preact/hooks';
import type { Job, JobEvent } from '../../../src/client/descent.ts';
import { JobEvents } from '../api/job-events.ts';
import { seconds } from '../parts/format.ts';

/** What has happened to the job, and its attempts. */
export function History({ job }: { job: Job }) {
  const { id } = job;
  const feed = useMemo(() => new JobEvents(id), [id]);
  useEffect(() => () => feed.close(), [feed]);
  const events = feed.events.value;
  const times = timesOf(events, job.created_at);
  return (
    <section class="card">
      <h2>What happened</h2>
      <ol class="timeline">
        {events.map((event, at) => (
          <li key={event.seq}>
            <time dateTime={event.created_at} title={event.created_at}>
              {new Date(event.created_at).toLocaleTimeString('en-GB')}
            </time>
            <span>
              {wordsOf(event)} {event.seq > 1 && <span class="faint">{times[at]}</span>}
            </span>
          </li>
        ))}
      </ol>
      <h3>Attempts</h3>
      {job.attempts.length === 0 ? (
        <p class="faint">{job.terminal ? 'None: it never ran.' : 'None yet.'}</p>
      ) : (
        <ol class="attempts">
          {job.attempts.map(({ attempt, worker, from_epoch, started_at, ended_at, outcome, reason }) => (
            <li key={attempt}>
              <b>Attempt {attempt}</b> {outcome ?? 'runs'}
              {ended_at !== null &&
                ` after ${seconds((Date.parse(ended_at) - Date.parse(started_at)) / 1000)}`}
              <br />
              <span class="faint">
                worker {worker}, {from_epoch === 0 ? 'from the start' : `went on after epoch ${from_epoch}`}
                {reason !== null && `. Why again: ${reason}`}
              </span>
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

/** How long each happened after its attempt began or, in the queue, after the job was created. */
function timesOf(events: readonly JobEvent[], created: string): string[] {
  let began: { at: string; what: string } | undefined;
  return events.map((event) => {
    if (event.type === 'job.queued') began = undefined;
    const { at, what } = began ?? { at: created, what: 'after it was created' };
    if (event.type === 'job.running') {
      began = { at: event.created_at, what: `into attempt ${event.data.attempt}` };
    }
    return `${seconds((Date.parse(event.created_at) - Date.parse(at)) / 1000)} ${what}`;
  });
}

const QUEUED = {
  created: 'Accepted, and put into the queue',
  drained: 'Put back into the queue: its worker was stopped',
  fault: 'Put back into the queue after a fault',
  resumed: 'Resumed, and put back into the queue',
};

function wordsOf(event: JobEvent): string {
  switch (event.type) {
    case 'job.queued':
      return QUEUED[event.data.reason];
    case 'job.running': {
      const { attempt, worker, engine, from_epoch } = event.data;
      const where = from_epoch === 0 ? '' : `, from epoch ${from_epoch}`;
      return `Attempt ${attempt} runs on ${worker} with the ${engine} engine${where}`;
    }
    case 'job.verdict': {
      const { rule, epoch, detail } = event.data;
      return `Doctor, epoch ${epoch}: ${rule.replaceAll('_', ' ')}. ${detail}`;
    }
    case 'job.failed':
      return `Failed: ${event.data.error.code}`;
    case 'job.updated':
      return `Now called ${event.data.name ?? 'nothing'}, with priority ${event.data.priority}`;
    case 'job.cancelling':
      return 'Asked to stop';
    case 'job.pausing':
      return 'Asked to pause';
    default:
      return `${event.type.slice(4, 5).toUpperCase()}${event.type.slice(5)}`;
  }
}
