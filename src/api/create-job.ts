import type { FastifyReply, FastifyRequest } from 'fastify';
import type { DataShape } from '../contract/data-shape.ts';
import { isTerminal, type Parent, type Verifies } from '../contract/job.ts';
import type { JobSpec } from '../contract/job-spec.ts';
import { progressOf } from '../contract/progress.ts';
import type { Webhook } from '../contract/webhook.ts';
import type { WorkerReport } from '../contract/worker-report.ts';
import type { CachedResult, CreateAnswer, CreateOutcome, NewJob } from '../store/job-creation.ts';
import { JobIds } from '../store/job-ids.ts';
import type { CheckpointFile } from '../store/job-record.ts';
import type { JobInput } from '../training/job-engine.ts';
import { resultKey } from '../training/result-key.ts';
import { callerOf, scopeOf } from './access/caller.ts';
import { dataGone, dataOf, unknownDataset } from './data-of-name.ts';
import { type ApiDeps, isStoreUnavailable } from './deps.ts';
import { JSON_TYPE, sendJson } from './http/conditional.ts';
import { hashBody } from './http/idempotency.ts';
import { parseWait, waitApplied } from './http/preferences.ts';
import { ProblemError } from './http/problems.ts';
import { traceIdOf } from './http/trace-context.ts';
import type { JobEstimates } from './job-estimates.ts';
import type { JobWaits } from './job-waits.ts';
import type { LastingResponses } from './lasting-responses.ts';
import { pathOfJob, withLinks } from './links.ts';
import { memoryRefusal } from './memory-admission.ts';
import { Remembered } from './remembered.ts';
import { inTime, requireSaved } from './saved.ts';
import { checkSpec } from './spec-limits.ts';
import { webhooksFor } from './webhooks.ts';

/** The creation of a job, for each route that creates one. */

/** Idempotency keys of an owner that are remembered, half a KB each. */
const MAX_KEYS = 10_000;

/** Above this share of Redis's maxmemory, new jobs are refused: the running ones need the rest. */
const STORAGE_FULL_SHARE = 0.7;

export type PlanningDeps = ApiDeps & { liveWorkers: Remembered<WorkerReport[]>; estimates: JobEstimates };

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
    /** The new job need not train the epochs up to its own. */
    parent: Parent;
    /** Makes the first checkpoint of a job with this id. `steps`: of the parent up to there. */
    prepare: (id: string) => Promise<{ checkpoint: CheckpointFile; steps: number }>;
  };
  verifies?: Verifies;
}

/** What a request is answered. */
export interface Created {
  answer: CreateAnswer;
  replayed: boolean;
}

/** @throws {ProblemError} */
export async function createJob(
  needs: CreationNeeds,
  enqueue: (deliveryId: string) => void,
  { owner, spec: asked, webhooks: told, sent, key, trace, fork, verifies }: AskedJob,
): Promise<Created> {
  const {
    store,
    artifacts,
    datasets,
    version,
    maxQueuedJobs,
    quotas,
    liveWorkers,
    estimates,
    ids,
    fullness,
  } = needs;
  const webhooks = webhooksFor(told, needs);
  const named = await dataOf(asked.dataset, owner, { datasets }).catch(async (error: unknown) => {
    if (!(error instanceof ProblemError)) throw error;
    // A deleted dataset takes no new job, but a repeat still gets its stored response.
    const repeat = await repeatOf(needs, { owner, key, sent });
    if (repeat !== undefined) return repeat;
    throw fork === undefined ? error : dataGone(asked.dataset);
  });
  if ('answer' in named) return named;
  const { shape: data, isUpload } = named;
  if (fork !== undefined) requireDataOf(fork.data, data);
  const { spec, size } = checkSpec(asked, data);
  const { epochs } = spec.training;
  const left = epochs - (fork?.parent.epoch ?? 0);
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
    isUpload,
    parameters: size.parameters,
    progress: progressOf({ epoch: 0, step: 0 }, { epochs, steps: size.steps }),
    version,
    estimatedSeconds: estimate?.seconds,
    verifies,
    webhooks,
    trace,
    accepting: full !== true && tooLarge === undefined,
    maxQueued: maxQueuedJobs,
    queuedQuota: quotas.queuedJobs,
    storageQuota: quotas.storageBytes,
    runningQuota: quotas.runningJobs,
    ...(key !== undefined && { idempotency: { key, bodySha256: hashBody(sent), maxKeys: MAX_KEYS } }),
  };
  const begin = async (id: string): Promise<CreateOutcome> => {
    // One that is not accepted gets a stored response or none, and needs no files.
    if (fork === undefined || !job.accepting) return await store.create({ ...job, id });
    const { steps, checkpoint } = await fork.prepare(id);
    const all = steps + (size.steps / epochs) * left;
    const progress = progressOf({ epoch: 0, step: 0 }, { epochs, steps: all });
    return await store.create({ ...job, id, progress, fork: { parent: fork.parent, checkpoint } });
  };
  const input = { spec, data, parent: fork?.parent };
  const create = async (): Promise<CreateOutcome> => {
    const id = ids.next();
    const cached = job.accepting ? await takeResult(needs, owner, input, id) : undefined;
    const outcome =
      cached === undefined
        ? await begin(id)
        : await store.create({
            ...{ ...job, id, cached, estimatedSeconds: undefined },
            fork: fork && { parent: fork.parent },
          });
    const hasFiles = cached !== undefined || fork !== undefined;
    // After a lost reply the job may exist: retention removes a folder that has none.
    if (outcome.outcome !== 'created' && hasFiles) await artifacts.remove(id).catch(() => {});
    return outcome.outcome === 'result_gone' ? await begin(id) : outcome;
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
      throw jobDeleted(outcome.id);
    case 'key_reused':
      throw keyReused();
    case 'wrong_clock':
    case 'result_gone':
      throw new ProblemError(
        'store_unavailable',
        'No job was created, because the clocks of the API and of Redis run apart. Retry; if it lasts, tell the operator.',
        { headers: { 'retry-after': '10' } },
      );
    case 'dataset_gone':
      throw fork === undefined
        ? unknownDataset(spec.dataset, await datasets.names(owner))
        : dataGone(spec.dataset);
    case 'not_accepting':
      throw tooLarge ?? storageFull();
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

/**
 * The stored response to a repeat, where what a new job needs may be gone by then. undefined for what was not sent before.
 * @throws {ProblemError}
 */
export async function repeatOf(
  { store }: Pick<ApiDeps, 'store'>,
  { owner, key, sent }: Pick<AskedJob, 'owner' | 'key' | 'sent'>,
): Promise<Created | undefined> {
  const repeat =
    key === undefined ? undefined : await store.repeated(owner, { key, bodySha256: hashBody(sent) });
  if (repeat === undefined) return undefined;
  if (repeat.outcome === 'key_reused') throw keyReused();
  if (repeat.outcome === 'deleted') throw jobDeleted(repeat.id);
  await requireSaved(store, JOB_MAY_BE_LOST);
  return { answer: repeat.answer, replayed: true };
}

const jobDeleted = (id: string) =>
  new ProblemError(
    'job_deleted',
    `This Idempotency-Key created ${id}, which has been deleted since. Use a new key for a new job.`,
  );

const keyReused = () =>
  new ProblemError(
    'idempotency_key_reused',
    'This Idempotency-Key was used with another body in the last 24 hours. Use a new key for a new job, or repeat the request with its first body.',
  );

/**
 * The result of an earlier job with the same bits, unless its spec wants none, with its files for a new job. Nothing that
 * goes wrong with the files keeps a job from being trained.
 * @throws {StoreUnavailableError}
 */
async function takeResult(
  { results, artifacts, logger }: Pick<CreationNeeds, 'results' | 'artifacts' | 'logger'>,
  owner: string,
  input: JobInput,
  id: string,
): Promise<CachedResult | undefined> {
  if (!input.spec.cache) return undefined;
  try {
    return await results.take(owner, resultKey(input), id);
  } catch (error) {
    if (isStoreUnavailable(error)) throw error;
    logger?.warn(
      { err: error, job: id },
      'the files of a cached result could not be used; the job is trained',
    );
    await artifacts.remove(id).catch(() => {});
    return undefined;
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

/** A fork cannot go on where its parent's weights are of other data than the name stands for now. @throws {ProblemError} */
function requireDataOf(parent: DataShape, now: DataShape): void {
  if (parent.sha256 === now.sha256) return;
  throw new ProblemError(
    'no_checkpoint',
    `The dataset ${parent.dataset} has other content now than the job was trained on, so its checkpoints cannot go on. Create a new job.`,
  );
}

/** What a request waits with for the end of a new job. */
export type WaitingDeps = Pick<ApiDeps, 'store' | 'basePath'> & {
  lasting: LastingResponses;
  waits: JobWaits;
};

/**
 * Creates a job and answers with it: at once, or if the request prefers to wait, when it has ended.
 * @throws {ProblemError}
 */
export async function createAndAnswer(
  request: FastifyRequest,
  reply: FastifyReply,
  { store, basePath, lasting, waits }: WaitingDeps,
  create: (asked: Pick<AskedJob, 'owner' | 'trace'>) => Promise<Created>,
): Promise<FastifyReply> {
  const caller = callerOf(request);
  const { owner } = caller;
  const trace = traceIdOf(request.headers.traceparent);
  const seconds = parseWait(request.headers.prefer);
  if (seconds !== undefined) lasting.admit(owner);
  const { answer, replayed } = await create({ owner, trace });
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
}
