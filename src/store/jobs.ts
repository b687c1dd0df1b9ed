import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type JobStatus, JobStatusSchema } from '../contract/job.ts';
import { monotonicMs, wallClockMs } from '../process/clock.ts';
import type { Redis } from '../redis/connections.ts';
import { comparePlaces, Finder, type JobFilters, type Sort } from './finding.ts';
import type { Place } from './index-walk.ts';
import {
  type CreateOutcome,
  createJob,
  type NewJob,
  type RepeatOutcome,
  repeatedCreate,
  type Sent,
} from './job-creation.ts';
import { type JobRecord, parseRecord, UnreadableRecordError } from './job-record.ts';
import type { JobView } from './job-view.ts';
import { JobViews } from './job-views.ts';
import { heldRange, type Keys, statusMember } from './keys.ts';
import { OWNERS_OF } from './owners.ts';
import { placeBehind } from './places.ts';
import {
  allAnswered,
  answered,
  releasedBy,
  runScript,
  runTransition,
  scriptOf,
  unexpected,
} from './transition-runner.ts';

export type CancelOutcome =
  | { outcome: 'cancelled'; job: JobView /** Deliveries to enqueue. */; released: string[] }
  | { outcome: 'finished'; status: JobStatus }
  | { outcome: 'not_found' };

export type RemoveOutcome =
  | { outcome: 'removed' }
  | { outcome: 'not_finished'; status: JobStatus }
  | { outcome: 'not_found' };

const AdoptOutcomeSchema = z.object({ outcome: z.enum(['adopted', 'not_finished', 'not_found']) });

export type AdoptOutcome = z.output<typeof AdoptOutcomeSchema>;

export interface ListQuery {
  /** None by default. */
  filters?: JobFilters;
  /** Newest first by default. */
  sort?: Sort;
  limit: number;
  /** Only jobs that come later in the list. */
  after?: Place | undefined;
}

const NEWEST_FIRST: Sort = { by: 'created_at', descending: true };

export interface JobPage {
  jobs: JobView[];
  /** Where the next page begins; undefined on the last one. */
  next: Place | undefined;
}

export interface JobHead {
  status: JobStatus;
  /** Seq of the newest event. */
  seq: number;
  /** ETag of anything derived from the events; changes with each event. */
  etag: string;
  /** Whether the events were stored packed when this was read. */
  packed: boolean;
}

/** KEYS: statuses. */
const READ_OWNERS = scriptOf(`${OWNERS_OF}\nreturn owners_of(KEYS[1])`);

/** Whose jobs a caller may see: an owner's; undefined = all owners'. */
export type Scope = string | undefined;

const isIn = (scope: Scope, owner: string): boolean => scope === undefined || owner === scope;

export interface Counts {
  queued: number;
  live: number;
  finished: number;
  /** Of the queued ones, those that wait because their owner has as many in hand as he may have. */
  held: number;
  outbox: number;
}

/**
 * The job records, as the API reads and changes them. A job outside the given scope is as if it did not exist, and
 * takes the same commands. Every method may throw StoreUnavailableError.
 */
export class JobStore {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #views: JobViews;
  readonly #finder: Finder;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
    this.#views = new JobViews(redis, keys);
    this.#finder = new Finder(redis, keys);
  }

  /** Stores the job and returns the answer for the client. From here on the job is accepted. */
  async create(job: NewJob): Promise<CreateOutcome> {
    return await createJob(this.#redis, this.#keys, this.#views, job);
  }

  /** What `create` would answer to a repeat, before anything that a new job needs is read. */
  async repeated(owner: string, sent: Sent): Promise<RepeatOutcome | undefined> {
    const look = () => repeatedCreate(this.#redis, this.#keys, this.#views, owner, sent);
    const repeat = await look();
    // As in create: a crash of Redis between two commands can lose job and key.
    return repeat?.outcome === 'deleted' ? await look() : repeat;
  }

  async get(scope: Scope, id: string): Promise<JobView | undefined> {
    const view = await this.#views.one(id, (owner) => isIn(scope, owner));
    if (view instanceof UnreadableRecordError) throw view;
    return view;
  }

  /** The ETag of the view that `get` would return. */
  async etag(scope: Scope, id: string): Promise<string | undefined> {
    return await this.#views.etag(id, (owner) => isIn(scope, owner));
  }

  /** What a reader of the job's events needs. */
  async head(scope: Scope, id: string): Promise<JobHead | undefined> {
    const [owner, status, seq, eventAt, changedAt] = await answered(() =>
      this.#redis.hmget(this.#keys.job(id), 'owner', 'status', 'seq', 'event_at', 'changed_at'),
    );
    if (owner === null || owner === undefined || !isIn(scope, owner)) return undefined;
    return {
      status: JobStatusSchema.parse(status),
      seq: z.coerce.number().parse(seq),
      // The time too: a Redis that lost its newest writes counts the same seqs again. The end of a job is its last event
      // and its last change, and a packed record keeps the time of the change only.
      etag: `"${seq}.${eventAt ?? changedAt}"`,
      packed: eventAt === null,
    };
  }

  /** An unreadable record is left out and does not hide the others. */
  async list(scope: Scope, { filters = {}, sort = NEWEST_FIRST, limit, after }: ListQuery): Promise<JobPage> {
    const owners = scope === undefined ? await this.#owners() : [scope];
    const page = { after, limit: limit + 1 };
    const lists = await Promise.all(owners.map((owner) => this.#finder.find(owner, filters, sort, page)));
    const places = lists.length === 1 ? lists[0] : lists.flat().sort(comparePlaces(sort));
    const shown = places.slice(0, limit);
    const views = await this.#views.many(shown.map(({ id }) => id));
    const jobs = views.filter((view): view is JobView => !(view instanceof UnreadableRecordError));
    return { jobs, next: places.length > limit ? shown.at(-1) : undefined };
  }

  /** All owners of jobs. */
  async #owners(): Promise<string[]> {
    return z.array(z.string()).parse(await runScript(this.#redis, READ_OWNERS, [this.#keys.statuses], []));
  }

  async cancel(scope: Scope, id: string): Promise<CancelOutcome> {
    const answer = await runTransition(this.#redis, this.#keys, 'cancel', {
      id,
      args: { owner: scope ?? '' },
    });
    switch (answer.outcome) {
      case 'cancelled': {
        const job = await this.get(scope, id);
        return job === undefined
          ? { outcome: 'not_found' }
          : { outcome: 'cancelled', job, released: releasedBy(answer) };
      }
      case 'finished':
        return { outcome: 'finished', status: JobStatusSchema.parse(answer.status) };
      case 'not_found':
        return { outcome: 'not_found' };
      default:
        throw unexpected(answer);
    }
  }

  /** Removes a finished job's record and puts its id into the trash; retention.ts then deletes its folder. */
  async remove(owner: string, id: string): Promise<RemoveOutcome> {
    const answer = await runTransition(this.#redis, this.#keys, 'remove', { id, owner, args: { owner } });
    switch (answer.outcome) {
      case 'removed':
      case 'not_found':
        return { outcome: answer.outcome };
      case 'not_finished':
        return { outcome: 'not_finished', status: JobStatusSchema.parse(answer.status) };
      default:
        throw unexpected(answer);
    }
  }

  /** Gives a finished job to another owner. */
  async adopt(owner: string, newOwner: string, id: string): Promise<AdoptOutcome> {
    const call = { id, owner, newOwner, args: { owner, new_owner: newOwner } };
    const { outcome } = await runTransition(this.#redis, this.#keys, 'adopt', call);
    return AdoptOutcomeSchema.parse({ outcome });
  }

  /**
   * The record as stored, if its owner is in the scope.
   * @throws {NewerRecordError}
   * @throws {UnreadableRecordError}
   */
  async recordIn(scope: Scope, id: string): Promise<JobRecord | undefined> {
    const record = await this.record(id);
    return record !== undefined && isIn(scope, record.owner) ? record : undefined;
  }

  /**
   * The record as stored, regardless of its owner.
   * @throws {NewerRecordError}
   * @throws {UnreadableRecordError}
   */
  async record(id: string): Promise<JobRecord | undefined> {
    return parseRecord(await answered(() => this.#redis.hgetall(this.#keys.job(id))));
  }

  /** How many jobs are queued, live and finished, and how many deliveries are held and in the outbox. */
  async counts(): Promise<Counts> {
    const keys = this.#keys;
    // No transaction: a Redis whose memory is full refuses those, even to read.
    const replies = await allAnswered(() =>
      this.#redis
        .pipeline()
        .zcard(keys.queued)
        .scard(keys.live)
        .zcard(keys.finished)
        .zcard(keys.held)
        .zcard(keys.outbox)
        .exec(),
    );
    const count = z.number();
    const [queued, live, finished, held, outbox] = z
      .tuple([count, count, count, count, count])
      .parse(replies);
    return { queued, live, finished, held, outbox };
  }

  /**
   * What an owner uses of his quotas: jobs (paused ones count as queued), deliveries that wait for a slot, and the room
   * of finished jobs.
   */
  async use(owner: string): Promise<{ queued: number; running: number; held: number; storageBytes: number }> {
    const keys = this.#keys;
    const statuses = (status: string) =>
      [`[${statusMember(owner, status, '')}`, `(${owner}:${status};`] as const;
    const replies = await allAnswered(() =>
      this.#redis
        .pipeline()
        .zlexcount(keys.statuses, ...statuses('queued'))
        .zlexcount(keys.statuses, ...statuses('paused'))
        .zlexcount(keys.statuses, ...statuses('running'))
        .zlexcount(keys.statuses, ...statuses('pausing'))
        .zlexcount(keys.statuses, ...statuses('cancelling'))
        .zlexcount(keys.held, ...heldRange(owner))
        .hget(keys.storage, owner)
        .exec(),
    );
    const count = z.number();
    const [queued, paused, running, pausing, cancelling, held, storage] = z
      .tuple([count, count, count, count, count, count, z.coerce.number()])
      .parse(replies);
    return {
      queued: queued + paused,
      running: running + pausing + cancelling,
      held,
      storageBytes: storage,
    };
  }

  /** How many of an owner's queued jobs a new one of this priority would wait behind. */
  async queuedBefore(owner: string, priority: number): Promise<number> {
    const behind = placeBehind(priority, wallClockMs());
    return await answered(() => this.#redis.zcount(this.#keys.queuedOf(owner), '-inf', behind));
  }

  /** Writes a key that is never read: with a full disk, Redis still answers reads but refuses writes. */
  async probe(): Promise<void> {
    await answered(() => this.#redis.set(this.#keys.probe, '', 'PX', 10_000));
  }

  /**
   * Whether Redis has written all that it answered before to its append-only file. On a full disk, one that syncs every
   * second still acknowledges what it could not write, until it has noticed: a crash would lose it, however late.
   * While an fsync runs, Redis puts off its writes for up to 2 s; after `patienceMs` of that, they count as written.
   */
  async isSaved(patienceMs: number): Promise<boolean> {
    const untilMs = monotonicMs() + patienceMs;
    for (let willWrite = false; ; ) {
      const info = await answered(() => this.#redis.info('persistence'));
      if (info.includes('aof_last_write_status:err')) return false;
      // A Redis without the file, or one that does not say, has no such fields.
      const left = Number(/^aof_buffer_length:(\d+)/m.exec(info)?.[1] ?? 0);
      if (left === 0 || willWrite || monotonicMs() > untilMs) return true;
      // Without a running fsync, Redis writes before it reads the next command.
      willWrite = /^aof_pending_bio_fsync:0\b/m.test(info);
      if (!willWrite) await sleep(5);
    }
  }

  /** Redis's memory in bytes; undefined when maxmemory is not set. */
  async memory(): Promise<{ used: number; max: number } | undefined> {
    const info = await answered(() => this.#redis.info('memory'));
    const used = /^used_memory:(\d+)/m.exec(info)?.[1];
    const max = /^maxmemory:(\d+)/m.exec(info)?.[1];
    if (used === undefined || max === undefined || max === '0') return undefined;
    return { used: Number(used), max: Number(max) };
  }

  /** Share of Redis's maxmemory in use; undefined when maxmemory is not set. */
  async memoryShare(): Promise<number | undefined> {
    const memory = await this.memory();
    return memory && memory.used / memory.max;
  }
}
