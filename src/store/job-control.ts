import { type JobStatus, JobStatusSchema } from '../contract/job.ts';
import type { JobEvent } from '../contract/job-event.ts';
import { type JobPatch, type JobSpec, JobSpecSchema, patched } from '../contract/job-spec.ts';
import type { Redis } from '../redis/connections.ts';
import { labelsOf } from './facts.ts';
import { parseRecord, RECORD_SCHEMA } from './job-record.ts';
import { type JobView, PACKED_FIELDS, packedValues, stateOf } from './job-view.ts';
import type { JobStore, Scope } from './jobs.ts';
import type { Keys } from './keys.ts';
import { packText } from './packed-text.ts';
import { StoreUnavailableError } from './store-error.ts';
import { answered, releasedBy, runTransition, unexpected } from './transition-runner.ts';

interface Done<Outcome extends string> {
  outcome: Outcome;
  /** As it is then. */
  job: JobView;
  /** The deliveries to enqueue. */
  released: string[];
}

interface NotFound {
  outcome: 'not_found';
}

interface Finished {
  outcome: 'finished';
  status: JobStatus;
}

/** `paused`: it is, or will be. */
export type PauseOutcome = Done<'paused'> | Finished | { outcome: 'cancelling' } | NotFound;

/** `not_paused`: it is about to stop. */
export type ResumeOutcome =
  | Done<'resumed'>
  | Finished
  | { outcome: 'not_paused'; status: JobStatus }
  | NotFound;

export type UpdateOutcome =
  | { outcome: 'updated'; job: JobView }
  /** Not by this update: the job is another than the caller wants to change. */
  | { outcome: 'changed' }
  | { outcome: 'not_queued'; status: JobStatus }
  | { outcome: 'too_many_pairs' }
  | NotFound;

/** A job changes often, but its spec only by an update. */
const MOST_TRIES = 10;

/** Why a resumed job has another attempt. */
const RESUMED = 'it was resumed after a pause';

/**
 * What the API does to jobs that wait or run, besides `JobStore.cancel`. A job outside the given scope is as if it did
 * not exist. Every method may throw StoreUnavailableError.
 */
export class JobControl {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #jobs: Pick<JobStore, 'get'>;

  constructor(redis: Redis, keys: Keys, jobs: Pick<JobStore, 'get'>) {
    this.#redis = redis;
    this.#keys = keys;
    this.#jobs = jobs;
  }

  /** @param now a running job stops at once and goes back to its newest checkpoint, rather than at its epoch's end. */
  async pause(scope: Scope, id: string, now: boolean): Promise<PauseOutcome> {
    const args = { owner: scope ?? '', now: now ? 'yes' : 'no' };
    const answer = await runTransition(this.#redis, this.#keys, 'pause', { id, args });
    switch (answer.outcome) {
      case 'paused':
        return await this.#done('paused', scope, id, answer);
      case 'finished':
        return { outcome: 'finished', status: JobStatusSchema.parse(answer.status) };
      case 'cancelling':
        return { outcome: 'cancelling' };
      case 'not_found':
        return { outcome: 'not_found' };
      default:
        throw unexpected(answer);
    }
  }

  /** Lets a paused job wait for a worker again, before all others of its owner. */
  async resume(scope: Scope, id: string): Promise<ResumeOutcome> {
    const event: Extract<JobEvent, { type: 'job.queued' }>['data'] = { reason: 'resumed' };
    const args = { owner: scope ?? '', event: JSON.stringify(event), reason: RESUMED };
    const answer = await runTransition(this.#redis, this.#keys, 'resume', { id, args });
    switch (answer.outcome) {
      case 'resumed':
        return await this.#done('resumed', scope, id, answer);
      case 'finished':
      case 'not_paused':
        return { outcome: answer.outcome, status: JobStatusSchema.parse(answer.status) };
      case 'not_found':
        return { outcome: 'not_found' };
      default:
        throw unexpected(answer);
    }
  }

  /**
   * Changes name, metadata and priority.
   * @param only the ETag of the view that the caller wants to change; undefined for whatever it is by now.
   * @throws {UnreadableRecordError}
   */
  async update(scope: Scope, id: string, patch: JobPatch, only: string | undefined): Promise<UpdateOutcome> {
    for (let tries = 1; ; tries += 1) {
      const stored = await answered(() => this.#redis.hgetall(this.#keys.job(id)));
      const record = parseRecord(stored);
      if (record === undefined || (scope !== undefined && record.owner !== scope)) {
        return { outcome: 'not_found' };
      }
      const checked = JobSpecSchema.safeParse(patched(record.spec, patch));
      // Each pair is allowed; only their number may not be.
      if (!checked.success) return { outcome: 'too_many_pairs' };
      const spec = checked.data;
      const args = {
        schema: RECORD_SCHEMA,
        owner: scope ?? '',
        ...(only === undefined
          ? { revision: stored.revision ?? '', changed_at: stored.changed_at ?? '' }
          : stateOf(only)),
        exact: only === undefined ? 'no' : 'yes',
        old_spec: stored.spec ?? '',
        spec: JSON.stringify(spec),
        view: stored.view === undefined ? '' : await viewWith(stored.view, JSON.stringify(spec)),
        labels: labelsOf(spec),
        raise: spec.priority - record.spec.priority,
        event: told(spec) === told(record.spec) ? '' : told(spec),
      };
      const answer = await runTransition(this.#redis, this.#keys, 'update', { id, args });
      switch (answer.outcome) {
        case 'updated': {
          const job = await this.#jobs.get(scope, id);
          return job === undefined ? { outcome: 'not_found' } : { outcome: 'updated', job };
        }
        case 'moved':
          if (tries === MOST_TRIES) throw new StoreUnavailableError('a job changes too often to be updated');
          continue;
        case 'changed':
          return { outcome: 'changed' };
        case 'not_queued':
          return { outcome: 'not_queued', status: JobStatusSchema.parse(answer.status) };
        case 'not_found':
          return { outcome: 'not_found' };
        default:
          throw unexpected(answer);
      }
    }
  }

  async #done<Outcome extends string>(
    outcome: Outcome,
    scope: Scope,
    id: string,
    answer: Record<string, string>,
  ): Promise<Done<Outcome> | NotFound> {
    const job = await this.#jobs.get(scope, id);
    return job === undefined ? { outcome: 'not_found' } : { outcome, job, released: releasedBy(answer) };
  }
}

/** What an update may change, as the data of its event. */
const told = ({ name, metadata, priority }: JobSpec): string =>
  JSON.stringify({ name, metadata, priority } satisfies Extract<JobEvent, { type: 'job.updated' }>['data']);

/** A packed view with another spec. */
async function viewWith(view: string, spec: string): Promise<string> {
  const values = packedValues(view);
  values[PACKED_FIELDS.indexOf('spec')] = spec;
  return await packText(values.join('\0'));
}
