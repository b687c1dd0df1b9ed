import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { DataShape } from '../contract/data-shape.ts';
import { type Job, type JobStatus, JobStatusSchema, type Progress } from '../contract/job.ts';
import type { JobSpec } from '../contract/job-spec.ts';
import type { Redis } from '../redis/connections.ts';
import { deliveryIdOf } from './delivery.ts';
import {
  isoTime,
  type JobFile,
  type JobRecord,
  parseAttempts,
  parseRecord,
  renderJob,
  UnreadableRecordError,
} from './job-record.ts';
import { cutAtGaps, Gap } from './json-gaps.ts';
import { type Keys, statusMember } from './keys.ts';
import { allAnswered, answered, runTransition } from './transition-runner.ts';

const IDEMPOTENCY_MS = 24 * 60 * 60 * 1000;

export interface NewJob {
  owner: string;
  /** job_ and a ULID, made by the caller. */
  id: string;
  spec: JobSpec;
  /** What the spec's dataset is now. */
  data: DataShape;
  parameters: number;
  progress: Progress;
  version: string;
  /** Answer queue_full when this many jobs are queued. */
  maxQueued: number;
  idempotency?: { key: string; bodySha256: string };
}

/** What the client of a create gets, to the byte. */
export interface CreateAnswer {
  status: 202;
  location: string;
  body: string;
}

export type CreateOutcome =
  | { outcome: 'created'; answer: CreateAnswer; deliveryId: string }
  | { outcome: 'replayed'; answer: CreateAnswer }
  | { outcome: 'key_reused' }
  | { outcome: 'queue_full'; queued: number };

export type CancelOutcome =
  | { outcome: 'cancelled'; job: Job }
  | { outcome: 'finished'; status: JobStatus }
  | { outcome: 'not_found' };

export type RemoveOutcome =
  | { outcome: 'removed' }
  | { outcome: 'not_finished'; status: JobStatus }
  | { outcome: 'not_found' };

export interface ListQuery {
  limit: number;
  /** Ids below this one. */
  after?: string | undefined;
  status?: JobStatus | undefined;
}

/** The job records, as the API reads and changes them. Every method may throw StoreUnavailableError. */
export class JobStore {
  readonly #redis: Redis;
  readonly #keys: Keys;

  constructor(redis: Redis, keys: Keys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** Writes the job down and answers what the client is told; the job counts as accepted from here on. */
  async create(job: NewJob): Promise<CreateOutcome> {
    const { owner, id, spec, idempotency } = job;
    const [head, middle, tail] = cutAnswer(job);
    const answer = await runTransition(this.#redis, this.#keys, 'create', {
      id,
      owner,
      ...(idempotency && { idempotencyKey: this.#keys.idempotency(owner, sha256(idempotency.key)) }),
      args: {
        owner,
        spec: JSON.stringify(spec),
        data: JSON.stringify(job.data),
        version: job.version,
        parameters: job.parameters,
        progress: JSON.stringify(job.progress),
        event: JSON.stringify({ reason: 'created' }),
        max_queued: job.maxQueued,
        body_sha256: idempotency?.bodySha256 ?? '',
        idempotency_ms: IDEMPOTENCY_MS,
        head,
        middle,
        tail,
      },
    });
    switch (answer.outcome) {
      case 'created':
        return {
          outcome: 'created',
          deliveryId: deliveryIdOf({ id, delivery: 1 }),
          answer: joinAnswer({ ...answer, id, head, middle, tail }),
        };
      case 'replayed':
        return { outcome: 'replayed', answer: joinAnswer(answer) };
      case 'key_reused':
        return { outcome: 'key_reused' };
      case 'queue_full':
        return { outcome: 'queue_full', queued: Number(answer.queued) };
      default:
        throw unexpected(answer);
    }
  }

  async get(owner: string, id: string): Promise<Job | undefined> {
    const [job] = await this.#read([id]);
    return job?.record.owner === owner ? job.job : undefined;
  }

  /** Status and last seq: all that a stream needs to know of its job. */
  async head(owner: string, id: string): Promise<{ status: JobStatus; seq: number } | undefined> {
    const [itsOwner, status, seq] = await answered(() =>
      this.#redis.hmget(this.#keys.job(id), 'owner', 'status', 'seq'),
    );
    return itsOwner === owner
      ? { status: JobStatusSchema.parse(status), seq: z.coerce.number().parse(seq) }
      : undefined;
  }

  /** The owner's jobs, newest first; without those whose record cannot be read, which must not hide the others. */
  async list(owner: string, { limit, after, status }: ListQuery): Promise<{ jobs: Job[]; hasMore: boolean }> {
    const [key, prefix] =
      status === undefined
        ? [this.#keys.jobs(owner), '']
        : [this.#keys.statuses, statusMember(owner, status, '')];
    // Every id begins with a letter, and so comes before the prefix with a ~.
    const below = `(${prefix}${after ?? '~'}`;
    const members = await answered(() =>
      this.#redis.zrevrangebylex(key, below, `(${prefix}`, 'LIMIT', 0, limit + 1),
    );
    const ids = members.map((member) => member.slice(prefix.length));
    const found = await this.#read(ids.slice(0, limit), 'skip unreadable');
    return { jobs: found.map(({ job }) => job), hasMore: ids.length > limit };
  }

  async cancel(owner: string, id: string): Promise<CancelOutcome> {
    const answer = await runTransition(this.#redis, this.#keys, 'cancel', {
      id,
      args: { owner },
    });
    switch (answer.outcome) {
      case 'cancelled': {
        const job = await this.get(owner, id);
        return job === undefined ? { outcome: 'not_found' } : { outcome: 'cancelled', job };
      }
      case 'finished':
        return { outcome: 'finished', status: JobStatusSchema.parse(answer.status) };
      case 'not_found':
        return { outcome: 'not_found' };
      default:
        throw unexpected(answer);
    }
  }

  /** Removes a finished job's record and puts its folder into the trash; retention.ts empties it. */
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

  /** The file with the evaluation, which a job has once it succeeded. */
  async evaluationFile(
    owner: string,
    id: string,
  ): Promise<{ status: JobStatus; file: JobFile | undefined } | undefined> {
    const record = await this.record(id);
    return record?.owner === owner ? { status: record.status, file: record.evaluation } : undefined;
  }

  /**
   * The record as it is stored, whoever owns it.
   * @throws {UnreadableRecordError}
   */
  async record(id: string): Promise<JobRecord | undefined> {
    return parseRecord(await answered(() => this.#redis.hgetall(this.#keys.job(id))));
  }

  /** How many jobs there are, by what they wait for. */
  async counts(): Promise<{ queued: number; live: number; finished: number; outbox: number }> {
    const keys = this.#keys;
    const replies = await allAnswered(() =>
      this.#redis.multi().zcard(keys.queued).scard(keys.live).zcard(keys.finished).zcard(keys.outbox).exec(),
    );
    const [queued, live, finished, outbox] = z.array(z.number()).length(4).parse(replies) as [
      number,
      number,
      number,
      number,
    ];
    return { queued, live, finished, outbox };
  }

  /** Writes a key that nobody reads: a full disk lets Redis answer reads and refuse writes. */
  async probe(): Promise<void> {
    await answered(() => this.#redis.set(this.#keys.probe, '', 'PX', 10_000));
  }

  /** Used share of Redis's maxmemory; undefined without one. */
  async memoryShare(): Promise<number | undefined> {
    const info = await answered(() => this.#redis.info('memory'));
    const used = /^used_memory:(\d+)/m.exec(info)?.[1];
    const max = /^maxmemory:(\d+)/m.exec(info)?.[1];
    return used === undefined || max === undefined || max === '0' ? undefined : Number(used) / Number(max);
  }

  /** Reads records whole: a job's fields, attempts and place in the queue are of one moment. */
  async #read(ids: string[], unreadable?: 'skip unreadable'): Promise<{ job: Job; record: JobRecord }[]> {
    if (ids.length === 0) return [];
    const transaction = this.#redis.multi();
    for (const id of ids) {
      transaction
        .hgetall(this.#keys.job(id))
        .lrange(this.#keys.attempts(id), 0, -1)
        .zrank(this.#keys.queued, id);
    }
    const replies = await allAnswered(() => transaction.exec());
    return ids.flatMap((id, i) => {
      const [hash, attempts, rank] = replies.slice(3 * i, 3 * i + 3);
      let record: JobRecord | undefined;
      try {
        record = parseRecord(hash);
      } catch (error) {
        if (unreadable === undefined || !(error instanceof UnreadableRecordError)) throw error;
      }
      if (record === undefined) return [];
      const position = typeof rank === 'number' ? rank + 1 : null;
      return [{ record, job: renderJob(id, record, parseAttempts(attempts), position) }];
    });
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The answer to a create, cut where the transition knows better: created_at and queue_position. */
function cutAnswer(job: NewJob): [string, string, string] {
  const record: JobRecord = {
    owner: job.owner,
    spec: job.spec,
    version: job.version,
    status: 'queued',
    parameters: job.parameters,
    delivery: 1,
    attempt: 0,
    faults: 0,
    epoch: 0,
    seq: 1,
    progress: job.progress,
    checkpoint: [],
    created_at: 0,
  };
  const createdAt = new Gap();
  const queuePosition = new Gap();
  const body = {
    ...renderJob(job.id, record, [], null),
    created_at: createdAt,
    queue_position: queuePosition,
  };
  return cutAtGaps(body, createdAt, queuePosition) as [string, string, string];
}

const AnswerPartsSchema = z.object({
  id: z.string(),
  created_at: z.coerce.number(),
  queue_position: z.coerce.number(),
  head: z.string(),
  middle: z.string(),
  tail: z.string(),
});

function joinAnswer(parts: Record<string, string>): CreateAnswer {
  const { id, created_at, queue_position, head, middle, tail } = AnswerPartsSchema.parse(parts);
  return {
    status: 202,
    location: `/jobs/${id}`,
    body: `${head}"${isoTime(created_at)}"${middle}${queue_position}${tail}`,
  };
}

const unexpected = (answer: Record<string, string>): Error =>
  new Error(`a transition answered ${JSON.stringify(answer)}, which its caller does not know`);
