import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { DataShape } from '../../contract/data-shape.ts';
import { isTerminal, JobSchema } from '../../contract/job.ts';
import { JobRequestSchema, type JobSpec } from '../../contract/job-spec.ts';
import { progressOf } from '../../contract/progress.ts';
import type { Webhook } from '../../contract/webhook.ts';
import type { WorkerReport } from '../../contract/worker-report.ts';
import { DATASETS } from '../../dataset/registry.ts';
import type { CreateAnswer, CreateOutcome, NewJob } from '../../store/job-creation.ts';
import { JobIds } from '../../store/job-ids.ts';
import { callerOf, scopeOf } from '../access/caller.ts';
import { dataOf, unknownDataset } from '../data-of-name.ts';
import type { ApiDeps } from '../deps.ts';
import { enqueueInBackground } from '../enqueue-in-background.ts';
import { JSON_TYPE, sendJson } from '../http/conditional.ts';
import { hashBody, IDEMPOTENCY_KEY_SCHEMA, parseIdempotencyKey } from '../http/idempotency.ts';
import { acceptJsonBody, refuseMissingBody } from '../http/json-body.ts';
import { PREFER_HEADER, PREFERENCE_APPLIED, parseWait, waitApplied } from '../http/preferences.ts';
import { ProblemError } from '../http/problems.ts';
import { traceIdOf } from '../http/trace-context.ts';
import type { JobEstimates } from '../job-estimates.ts';
import type { JobWaits } from '../job-waits.ts';
import type { LastingResponses } from '../lasting-responses.ts';
import { pathOfJob, withLinks } from '../links.ts';
import { memoryRefusal } from '../memory-admission.ts';
import { EXAMPLE_SPECS, QUEUED_JOB, SUCCEEDED_JOB } from '../openapi/examples.ts';
import { documented, json } from '../openapi/route-documentation.ts';
import { Remembered } from '../remembered.ts';
import { inTime, requireSaved } from '../saved.ts';
import { checkSpec, measureSpec } from '../spec-limits.ts';
import { webhooksFor } from '../webhooks.ts';

/** POST /jobs: the only request that creates something. */

/** Idempotency keys of an owner that are remembered, half a KB each. */
const MAX_KEYS = 10_000;

/** Above this share of Redis's maxmemory, new jobs are refused: the running ones need the rest. */
const STORAGE_FULL_SHARE = 0.7;

const ANSWER_HEADERS = {
  Location: { description: 'The job.', schema: { type: 'string' }, required: true },
  'Idempotency-Replayed': {
    description: '`true` if an earlier request created the job; otherwise absent.',
    schema: { type: 'string', const: 'true' },
  },
  'Preference-Applied': PREFERENCE_APPLIED,
};

const DOCUMENTATION = documented({
  operationId: 'createJob',
  tag: 'jobs',
  access: 'writer',
  summary: 'Create a job',
  description:
    'Accepts a training job and responds at once; a worker picks it up from the queue. `{}` is the reference run: every field has a default. With `Prefer: wait=N`, the answer comes when the job has ended, or after N seconds with the job as it is then; a repeat with the same Idempotency-Key waits anew.',
  bodyExamples: EXAMPLE_SPECS,
  requestHeaders: {
    'Idempotency-Key': {
      description:
        '1 to 255 visible ASCII characters, bare or as a quoted string. For 24 hours, the same key with the same body gets the same response (if it does not wait) and creates nothing; with another body it is refused, as it is once its job has been deleted. The latest 10,000 keys are remembered.',
      schema: IDEMPOTENCY_KEY_SCHEMA,
    },
    Prefer: PREFER_HEADER,
    traceparent: {
      description: 'W3C Trace Context. Its trace id is in the log lines of this request and of the job.',
      schema: { type: 'string' },
    },
  },
  responses: {
    200: json('The job was accepted, and ended while the request waited.', JobSchema, {
      examples: { succeeded: { summary: 'Succeeded', value: SUCCEEDED_JOB } },
      headers: ANSWER_HEADERS,
    }),
    202: json('Accepted and stored.', JobSchema, {
      examples: { queued: { summary: 'Queued', value: QUEUED_JOB } },
      headers: ANSWER_HEADERS,
    }),
  },
  problems: [
    'unsupported_media_type',
    'idempotency_key_reused',
    'job_too_large',
    'job_deleted',
    'queue_full',
    'quota_exceeded',
    'store_unavailable',
    'store_read_only',
    'storage_full',
  ],
});

export type PlanningDeps = ApiDeps & { liveWorkers: Remembered<WorkerReport[]>; estimates: JobEstimates };

type CreateDeps = PlanningDeps & { lasting: LastingResponses; waits: JobWaits };

export function createJobRoute(app: FastifyInstance, deps: CreateDeps, done: () => void): void {
  acceptJsonBody(app);
  const { store, basePath, lasting, waits } = deps;
  const enqueue = enqueueInBackground(app, deps);
  const needs = creationNeeds(deps);
  const sent = new WeakMap<FastifyRequest, unknown>();
  app.withTypeProvider<ZodTypeProvider>().route({
    method: 'POST',
    url: '/jobs',
    schema: { body: JobRequestSchema },
    config: DOCUMENTATION,
    // Validation replaces the body by the spec with its defaults, but idempotency compares bodies as they were sent.
    preValidation: async (request) => {
      refuseMissingBody(request.body);
      sent.set(request, request.body);
    },
    handler: async (request, reply) => {
      const key = parseIdempotencyKey(request.headers['idempotency-key']);
      const trace = traceIdOf(request.headers.traceparent);
      const caller = callerOf(request);
      const { owner } = caller;
      const seconds = parseWait(request.headers.prefer);
      if (seconds !== undefined) lasting.admit(owner);
      const { webhooks, ...spec } = request.body;
      const asked = { owner, spec, webhooks, sent: sent.get(request), key, trace };
      const { answer, replayed } = await createJob(needs, enqueue, asked);
      const { id } = answer;
      const about = { job: id, owner, ...(trace !== undefined && { trace_id: trace }) };
      request.log.info(about, replayed ? 'a stored response was repeated' : 'job created');
      reply.code(answer.status).header('location', pathOfJob(basePath, id));
      if (replayed) reply.header('idempotency-replayed', 'true');
      const created = withLinks(basePath, { id, text: answer.body });
      // Others may have taken the last place since.
      if (seconds === undefined || lasting.refusal(owner) !== undefined) return sendJson(reply, created);
      const scope = scopeOf(request);
      waits.start(request, reply, {
        caller,
        scope,
        id,
        seconds,
        answer: async () => {
          reply.type(JSON_TYPE).header('preference-applied', waitApplied(seconds));
          // The job is accepted, whatever has happened to it or to the store since.
          const job = await store.get(scope, id).catch(() => undefined);
          if (job === undefined) return created;
          if (isTerminal(job.status)) reply.code(200);
          return withLinks(basePath, job);
        },
      });
      return reply;
    },
  });
  done();
}

type CreationNeeds = PlanningDeps & { ids: JobIds; fullness: Remembered<boolean> };

/** What `createJob` needs, once for each route. */
export const creationNeeds = (deps: PlanningDeps): CreationNeeds => ({
  ...deps,
  ids: new JobIds(),
  fullness: new Remembered(() => isFull(deps.store), FULLNESS_MS),
});

/** A job that somebody asks for. */
export interface AskedJob {
  owner: string;
  spec: JobSpec;
  webhooks: readonly Webhook[];
  /** The body as it was sent, which a repeat must have again. */
  sent: unknown;
  key: string | undefined;
  trace: string | undefined;
  fork?: {
    /** Of the parent. */
    data: DataShape;
    /** The epochs of the parent that the new job need not train. */
    epoch: number;
    /** Makes the first checkpoint of a job with this id. `steps`: of the parent up to there. */
    prepare: (id: string) => Promise<NonNullable<NewJob['fork']> & { steps: number }>;
    /** Removes it again: no job has this id. */
    discard: (id: string) => Promise<void>;
  };
}

/** @throws {ProblemError} */
export async function createJob(
  {
    store,
    datasets,
    version,
    maxQueuedJobs,
    quotas,
    liveWorkers,
    estimates,
    ids,
    fullness,
    ...deps
  }: CreationNeeds,
  enqueue: (deliveryId: string) => void,
  { owner, spec: asked, webhooks: told, sent, key, trace, fork }: AskedJob,
): Promise<{ answer: CreateAnswer; replayed: boolean }> {
  const webhooks = webhooksFor(told, deps);
  // A deleted dataset takes no new job, but a repeat still gets its stored response.
  const named = await dataOf(asked.dataset, owner, { datasets }).catch((error: unknown) => {
    if (key === undefined || !(error instanceof ProblemError)) throw error;
    return { unknown: error, shape: DATASETS.mnist.shape, isUpload: false };
  });
  const { shape: data } = named;
  const unknown = 'unknown' in named ? named.unknown : fork && otherData(fork.data, data);
  const { spec, size } =
    unknown === undefined ? checkSpec(asked, data) : { spec: asked, size: measureSpec(asked, data) };
  const { epochs } = spec.training;
  const left = epochs - (fork?.epoch ?? 0);
  const timed = { ...spec, training: { ...spec.training, epochs: left } };
  // A full store takes no new job, and no worker one that is too large, but a repeat still gets its stored response.
  const [full, tooLarge, estimate] = await Promise.all([
    inTime(fullness.get()),
    inTime(memoryRefusal(spec, data, liveWorkers)),
    // A job without an estimate is as good.
    inTime(estimates.of(timed, data)).catch(() => undefined),
  ]);
  const job: Omit<NewJob, 'id'> = {
    owner,
    spec,
    data,
    isUpload: named.isUpload,
    parameters: size.parameters,
    progress: progressOf({ epoch: 0, step: 0 }, { epochs, steps: size.steps }),
    version,
    estimatedSeconds: estimate?.seconds,
    webhooks,
    trace,
    accepting: full !== true && tooLarge === undefined && unknown === undefined,
    maxQueued: maxQueuedJobs,
    queuedQuota: quotas.queuedJobs,
    storageQuota: quotas.storageBytes,
    runningQuota: quotas.runningJobs,
    ...(key !== undefined && { idempotency: { key, bodySha256: hashBody(sent), maxKeys: MAX_KEYS } }),
  };
  const create = async (): Promise<CreateOutcome> => {
    const id = ids.next();
    if (fork === undefined) return await store.create({ ...job, id });
    const { steps, ...begun } = await fork.prepare(id);
    const all = steps + (size.steps / epochs) * left;
    const progress = progressOf({ epoch: 0, step: 0 }, { epochs, steps: all });
    const outcome = await store.create({ ...job, id, progress, fork: begun });
    // After a lost reply the job may exist: retention removes a folder that has none.
    if (outcome.outcome !== 'created') await fork.discard(id);
    return outcome;
  };
  let outcome = await create();
  if (outcome.outcome === 'wrong_clock') {
    ids.setClock(outcome.nowMs);
    outcome = await create();
  }
  switch (outcome.outcome) {
    case 'created':
      for (const deliveryId of outcome.released) enqueue(deliveryId);
      await requireSaved(store, JOB_MAY_BE_LOST);
      return { answer: outcome.answer, replayed: false };
    case 'replayed':
      await requireSaved(store, JOB_MAY_BE_LOST);
      return { answer: outcome.answer, replayed: true };
    case 'deleted':
      throw new ProblemError(
        'job_deleted',
        `This Idempotency-Key created ${outcome.id}, which has been deleted since. Use a new key for a new job.`,
      );
    case 'key_reused':
      throw new ProblemError(
        'idempotency_key_reused',
        'This Idempotency-Key was used with another body in the last 24 hours. Use a new key for a new job, or repeat the request with its first body.',
      );
    case 'wrong_clock':
      throw new ProblemError(
        'store_unavailable',
        'No job was created, because the clocks of the API and of Redis run apart. Retry; if it lasts, tell the operator.',
        { headers: { 'retry-after': '10' } },
      );
    case 'dataset_gone':
      throw unknownDataset(spec.dataset, await datasets.names(owner));
    case 'not_accepting':
      throw unknown ?? tooLarge ?? storageFull();
    case 'queue_full':
      throw new ProblemError(
        'queue_full',
        `${outcome.queued} jobs are queued or paused, and at most ${maxQueuedJobs} may be (MAX_QUEUED_JOBS). Retry when some have started, or cancel one.`,
        { headers: { 'retry-after': '30' } },
      );
    case 'queued_quota_exceeded':
      throw new ProblemError(
        'quota_exceeded',
        `${outcome.queued} of your jobs are queued or paused, and at most ${quotas.queuedJobs} may be (QUOTA_QUEUED_JOBS). Retry when some have started, or cancel one.`,
        { headers: { 'retry-after': '30' } },
      );
    case 'storage_quota_exceeded':
      throw new ProblemError(
        'quota_exceeded',
        `The files of your finished jobs take ${inGigabytes(outcome.bytes)} GB, and at most ${inGigabytes(quotas.storageBytes!)} GB are allowed (QUOTA_STORAGE_GB). Delete some of these jobs; within a minute their room counts as free.`,
        { headers: { 'retry-after': '60' } },
      );
  }
}

const inGigabytes = (bytes: number): string => (bytes / 1e9).toFixed(3);

/** So many jobs cannot be created meanwhile that a store with room is full. */
const FULLNESS_MS = 250;

/** Whether Redis's memory is nearly full. */
async function isFull(store: ApiDeps['store']): Promise<boolean> {
  const share = await store.memoryShare();
  return share !== undefined && share > STORAGE_FULL_SHARE;
}

const JOB_MAY_BE_LOST =
  'the job to its disk, so the job exists but may be lost. Retry with the same Idempotency-Key when /readyz answers 200; without a key, list the jobs first.';

const storageFull = () =>
  new ProblemError(
    'storage_full',
    "More than 70 % of Redis's maxmemory is in use. Delete finished jobs, or ask the operator to raise maxmemory.",
    { headers: { 'retry-after': '60' } },
  );

/** Why a fork cannot go on: its parent's weights are of other data than the name stands for now. */
function otherData(parent: DataShape, now: DataShape): ProblemError | undefined {
  if (parent.sha256 === now.sha256) return undefined;
  return new ProblemError(
    'no_checkpoint',
    `The dataset ${parent.dataset} has other content now than the job was trained on, so its checkpoints cannot go on. Create a new job.`,
  );
}
