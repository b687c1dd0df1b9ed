import { z } from 'zod';
import type { DataShape } from '../contract/data-shape.ts';
import { type Parent, type Progress, ProgressSchema, type Verifies } from '../contract/job.ts';
import type { JobSpec } from '../contract/job-spec.ts';
import { progressOf } from '../contract/progress.ts';
import type { Redis } from '../redis/connections.ts';
import { sha256 } from './api-key-text.ts';
import { newFacts } from './facts.ts';
import { ID_SKEW_MS, timeOfId } from './job-ids.ts';
import { type CheckpointFile, type JobRecord, RECORD_SCHEMA } from './job-record.ts';
import { renderJob, type ViewFields } from './job-view.ts';
import type { JobViews } from './job-views.ts';
import type { Keys } from './keys.ts';
import { type StoredWebhook, webhooksText } from './stored-webhooks.ts';
import { answered, releasedBy, runTransition, unexpected } from './transition-runner.ts';

/** The creation of a job, and the repeat of its answer for an Idempotency-Key. */

const IDEMPOTENCY_MS = 24 * 60 * 60 * 1000;

/** The record of a job with a result. */
export type ResultRecord = JobRecord & {
  [Field in 'engine' | 'latest' | 'result' | 'evaluation' | 'model']-?: NonNullable<JobRecord[Field]>;
};

/** A result that another job may have, too. */
export interface CachedResult {
  /** The job that has it. */
  from: string;
  key: string;
  record: ResultRecord;
  /** The events of its epochs, and the verdicts between them, as type and JSON. */
  past: string[];
}

export interface NewJob {
  owner: string;
  /** job_ and a ULID, made by the caller. */
  id: string;
  spec: JobSpec;
  /** The current shape of the spec's dataset. */
  data: DataShape;
  /** Whether that dataset is one of the owner's own. */
  isUpload: boolean;
  parameters: number;
  progress: Progress;
  version: string;
  /** How long it is expected to take; undefined when that is not known. */
  estimatedSeconds?: number | undefined;
  /**
   * What a fork begins with: its parent, and a checkpoint of it among the files of the new job, which one with a cached
   * result needs not.
   */
  fork?: { parent: Parent; checkpoint?: CheckpointFile | undefined } | undefined;
  /** What the job trains again. */
  verifies?: Verifies | undefined;
  /** The result with which it ends at once, its files being among those of the new job. */
  cached?: CachedResult | undefined;
  /** Who is told of it. */
  webhooks?: readonly StoredWebhook[];
  /** Trace id of the request, for the workers' log lines. */
  trace?: string | undefined;
  /** If false, no new job is created; a repeat still gets its answer. */
  accepting: boolean;
  /** The outcome is queue_full when this many jobs are queued. */
  maxQueued: number;
  /** The outcome is quota_exceeded when this many jobs of the owner are queued; undefined for no quota. */
  queuedQuota: number | undefined;
  /** Likewise when the owner's finished jobs have this many bytes of files. */
  storageQuota: number | undefined;
  /** How many deliveries of one owner BullMQ may have: see transitions/queue.lua. It applies to all owners alike. */
  runningQuota: RunningQuota;
  /** `maxKeys`: of the owner's keys, so many are remembered, the latest ones. */
  idempotency?: Sent & { maxKeys: number };
}

/** An Idempotency-Key, and the hash of the body that was sent with it. */
export interface Sent {
  key: string;
  bodySha256: string;
}

/**
 * `slots`: as many as the workers have. `ahead`: twice as many. `none`: without a limit, as an older version has it without
 * keys.
 */
export type RunningQuota = number | 'slots' | 'ahead' | 'none';

/** What a create sends to the client, except the links, which the API appends. */
export interface CreateAnswer {
  /** 200: the job has ended. */
  status: 200 | 202;
  id: string;
  body: string;
}

export type CreateOutcome =
  | {
      outcome: 'created';
      answer: CreateAnswer /** Deliveries to enqueue, of this job or others. */;
      released: string[];
    }
  | { outcome: 'replayed'; answer: CreateAnswer }
  /** The job of this Idempotency-Key is gone. */
  | { outcome: 'deleted'; id: string }
  | { outcome: 'key_reused' }
  /** The time in the id is too far from Redis's: create it under an id of that time. */
  | { outcome: 'wrong_clock'; nowMs: number }
  /** The uploaded dataset was deleted since its shape was read. */
  | { outcome: 'dataset_gone' }
  /** The job with the cached result was removed since its files were taken. */
  | { outcome: 'result_gone' }
  | { outcome: 'not_accepting' }
  | { outcome: 'queue_full' | 'queued_quota_exceeded'; queued: number }
  | { outcome: 'storage_quota_exceeded'; bytes: number };

/**
 * Stores the job and returns the answer for the client. From here on the job is accepted.
 * @throws {StoreUnavailableError}
 */
export async function createJob(
  redis: Redis,
  keys: Keys,
  views: Pick<JobViews, 'fields'>,
  job: NewJob,
): Promise<CreateOutcome> {
  const outcome = await tryToCreate(redis, keys, views, job);
  // Redis may have lost the job between two commands, by a crash. It then lost the key as well, and takes it again.
  return outcome.outcome === 'deleted' ? await tryToCreate(redis, keys, views, job) : outcome;
}

async function tryToCreate(
  redis: Redis,
  keys: Keys,
  views: Pick<JobViews, 'fields'>,
  job: NewJob,
): Promise<CreateOutcome> {
  const { owner, id, spec, idempotency } = job;
  const answer = await runTransition(redis, keys, 'create', {
    id,
    owner,
    ...(idempotency && {
      idempotencyKeys: [idempotencyKey(keys, owner, idempotency.key), keys.idempotencies(owner)],
    }),
    args: {
      schema: RECORD_SCHEMA,
      trace: job.trace ?? '',
      webhooks: webhooksText(job.webhooks ?? []),
      owner,
      spec: JSON.stringify(spec),
      data: JSON.stringify(job.data),
      upload: job.isUpload ? spec.dataset : '',
      upload_sha256: job.data.sha256,
      version: job.version,
      parameters: job.parameters,
      priority: spec.priority,
      id_time: timeOfId(id),
      most_skew: ID_SKEW_MS,
      ...(job.cached === undefined
        ? { facts: newFacts(spec, job.parameters), progress: JSON.stringify(job.progress), cached_from: '' }
        : cachedArgs(job, job.cached)),
      verifies: job.verifies === undefined ? '' : JSON.stringify(job.verifies),
      estimate: job.estimatedSeconds ?? '',
      parent: job.fork === undefined ? '' : JSON.stringify(job.fork.parent),
      checkpoint: job.fork?.checkpoint === undefined ? '' : JSON.stringify([job.fork.checkpoint]),
      checkpoint_epoch: job.fork?.checkpoint?.epoch ?? 0,
      event: JSON.stringify({ reason: 'created' }),
      accepting: job.accepting ? 1 : 0,
      max_queued: job.maxQueued,
      queued_quota: job.queuedQuota ?? '',
      storage_quota: job.storageQuota ?? '',
      running_quota: job.runningQuota,
      body_sha256: idempotency?.bodySha256 ?? '',
      idempotency_ms: IDEMPOTENCY_MS,
      max_keys: idempotency?.maxKeys ?? 0,
    },
  });
  switch (answer.outcome) {
    case 'created':
      return {
        outcome: 'created',
        released: releasedBy(answer),
        answer: answerOf(
          id,
          {
            owner,
            version: job.version,
            spec: JSON.stringify(spec),
            parameters: `${job.parameters}`,
            estimate: `${job.estimatedSeconds ?? ''}`,
            parent: job.fork === undefined ? '' : JSON.stringify(job.fork.parent),
            verifies: job.verifies === undefined ? '' : JSON.stringify(job.verifies),
            ...(job.cached === undefined
              ? { progress: JSON.stringify(job.progress), ...NOT_CACHED }
              : cachedArgs(job, job.cached)),
          },
          answer,
        ),
      };
    case 'replayed':
      return await replay(views, owner, answer);
    case 'key_reused':
    case 'dataset_gone':
    case 'result_gone':
    case 'not_accepting':
      return { outcome: answer.outcome };
    case 'wrong_clock':
      return { outcome: 'wrong_clock', nowMs: Number(answer.now) };
    case 'queue_full':
    case 'queued_quota_exceeded':
      return { outcome: answer.outcome, queued: Number(answer.queued) };
    case 'storage_quota_exceeded':
      return { outcome: answer.outcome, bytes: Number(answer.bytes) };
    default:
      throw unexpected(answer);
  }
}

/** What a create answers to a request that has come before. */
export type RepeatOutcome = Extract<CreateOutcome, { outcome: 'replayed' | 'deleted' | 'key_reused' }>;

/**
 * What a create with this Idempotency-Key would answer before it looks at anything else; undefined where it would go on.
 * @throws {StoreUnavailableError}
 */
export async function repeatedCreate(
  redis: Redis,
  keys: Keys,
  views: Pick<JobViews, 'fields'>,
  owner: string,
  { key, bodySha256 }: Sent,
): Promise<RepeatOutcome | undefined> {
  const [body, id, created_at, queue_position] = await answered(() =>
    redis.hmget(idempotencyKey(keys, owner, key), 'body_sha256', 'id', 'created_at', 'queue_position'),
  );
  if (!body || !id || !created_at) return undefined;
  if (body !== bodySha256) return { outcome: 'key_reused' };
  return await replay(views, owner, { id, created_at, queue_position: queue_position ?? '' });
}

const idempotencyKey = (keys: Keys, owner: string, key: string): string =>
  keys.idempotency(owner, sha256(key).toString('hex'));

/** Renders the answer again, from what of the record never changes: a stored one would take several KB for a day. */
async function replay(
  views: Pick<JobViews, 'fields'>,
  owner: string,
  answer: Record<string, string>,
): Promise<RepeatOutcome> {
  const { id = '' } = answer;
  const fields = await views.fields(id);
  if (fields?.owner !== owner) return { outcome: 'deleted', id };
  if (fields.cached_from !== '') return { outcome: 'replayed', answer: answerOf(id, fields, answer) };
  const { epochs, steps } = ProgressSchema.parse(JSON.parse(fields.progress));
  const progress = JSON.stringify(progressOf({ epoch: 0, step: 0 }, { epochs, steps }));
  return { outcome: 'replayed', answer: answerOf(id, { ...fields, progress, ...NOT_CACHED }, answer) };
}

/** What the answer to a create shows of the job. */
type Created = Pick<
  ViewFields,
  | 'owner'
  | 'version'
  | 'spec'
  | 'parameters'
  | 'estimate'
  | 'parent'
  | 'verifies'
  | 'progress'
  | keyof typeof NOT_CACHED
>;

/** The answer to a create: the job as it was then, whatever has happened to it since. */
function answerOf(id: string, job: Created, when: Record<string, string>): CreateAnswer {
  const created_at = COUNT.parse(when.created_at);
  const isCached = job.cached_from !== '';
  const fields: ViewFields = {
    ...job,
    status: isCached ? 'succeeded' : 'queued',
    created_at,
    finished_at: isCached ? created_at : '',
    queue_position: isCached ? '' : COUNT.parse(when.queue_position),
    ...NOT_YET,
  };
  return { status: isCached ? 200 : 202, id, body: renderJob(id, fields) };
}

const COUNT = z.string().regex(/^\d+$/);

/** The fields of a view that a new job lacks. */
const NOT_YET = {
  started_at: '',
  error: '',
  attempts: '',
  verification: '',
  revision: '',
  changed_at: '',
};

/** Those that only a cached result gives to a new job. */
const NOT_CACHED = { cached_from: '', engine: '', latest: '', result: '' };

/** The fields that a job with a cached result has from the beginning, and the facts and events that follow from it. */
const cachedArgs = (
  { spec, parameters }: Pick<NewJob, 'spec' | 'parameters'>,
  { from, key, past, record }: CachedResult,
) => ({
  cached_from: from,
  result_key: key,
  past: past.join('\n'),
  facts: newFacts(spec, parameters, record),
  engine: record.engine,
  epoch: record.latest.epoch,
  progress: JSON.stringify(record.progress),
  latest: JSON.stringify(record.latest),
  result: JSON.stringify(record.result),
  evaluation: JSON.stringify(record.evaluation),
  model: JSON.stringify(record.model),
  log: record.log === undefined ? '' : JSON.stringify(record.log),
  kept: JSON.stringify(record.kept),
});
