import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { isTerminal, JobSchema, type Verifies } from '../../contract/job.ts';
import type { JobRecord } from '../../store/job-record.ts';
import { isOfCurrentRules } from '../../training/result-key.ts';
import { scopeOf } from '../access/caller.ts';
import { type By, createFromJob } from '../create-from-job.ts';
import {
  type AskedJob,
  type Created,
  createJob,
  creationNeeds,
  type PlanningDeps,
  type WaitingDeps,
} from '../create-job.ts';
import { dataOf } from '../data-of-name.ts';
import { enqueueInBackground } from '../enqueue-in-background.ts';
import { firstCheckpoint } from '../first-checkpoint.ts';
import { jobNotFound, ProblemError } from '../http/problems.ts';
import { JobPathSchema } from '../http/request-schemas.ts';
import { modelIn } from '../job-files.ts';
import type { ModelRoom } from '../model-room.ts';
import { VERIFIED_JOB, VERIFYING_JOB } from '../openapi/examples.ts';
import { FOLLOWING_JOB_PROBLEMS, NEW_JOB_HEADERS, NEW_JOB_REQUEST_HEADERS } from '../openapi/new-job.ts';
import { documented, json } from '../openapi/route-documentation.ts';

/** Reading and writing the checkpoint that a fork began with takes seconds. */
const TIMEOUT_MS = 60_000;

/** POST /jobs/{id}/verify: trains a job again, and compares. */
export function verifyRoute(
  app: FastifyInstance,
  deps: PlanningDeps & WaitingDeps & { room: ModelRoom },
  done: () => void,
): void {
  const { store, room } = deps;
  const enqueue = enqueueInBackground(app, deps);
  const needs = creationNeeds(deps);
  app.withTypeProvider<ZodTypeProvider>().route({
    method: 'POST',
    url: '/jobs/:id/verify',
    handlerTimeout: TIMEOUT_MS,
    schema: { params: JobPathSchema },
    config: DOCUMENTATION,
    handler: async (request, reply) =>
      await createFromJob(
        request,
        reply,
        deps,
        null,
        async (by) => await verify(request, request.params.id, by),
      ),
  });
  done();

  async function verify(request: FastifyRequest, id: string, by: By): Promise<Created> {
    const record = await store.recordIn(scopeOf(request), id);
    if (record === undefined) throw jobNotFound();
    const verifies = verifiesOf(id, record);
    await requireSameData(record, by.owner, deps);
    const fork = record.parent && (await forkOf(request, record, deps));
    const giveBack = fork && room.take(record.parameters, record);
    const asked = { spec: { ...record.spec, cache: false }, webhooks: [], verifies, ...(fork && { fork }) };
    try {
      return await createJob(needs, enqueue, { ...asked, ...by });
    } finally {
      giveBack?.();
    }
  }
}

const notVerifiable = (detail: string): ProblemError => new ProblemError('job_not_verifiable', detail);

/** What the job should come to again. @throws {ProblemError} job_not_finished, job_not_verifiable */
function verifiesOf(id: string, { status, result, result_key, verification }: JobRecord): Verifies {
  if (!isTerminal(status)) {
    throw new ProblemError('job_not_finished', `The job is ${status}. Verify it when it has succeeded.`);
  }
  if (result === undefined) {
    const has = status === 'cancelled' ? 'was cancelled' : `has ${status}`;
    throw notVerifiable(`The job ${has}, so it has no result to compare with.`);
  }
  // One in doubt has lost its key, but not its verdict.
  const isOfRules = result_key === undefined ? verification !== undefined : isOfCurrentRules(result_key);
  if (!isOfRules) {
    throw notVerifiable(
      'The job was trained by an older version of Descent, under other rules of the engines, which this one no longer follows. Create it anew.',
    );
  }
  const { weights_sha256, metrics_sha256 } = result;
  return { job: id, weights_sha256, metrics_sha256 };
}

/** @throws {ProblemError} job_not_verifiable when the job's data are gone. */
async function requireSameData(record: JobRecord, owner: string, deps: PlanningDeps): Promise<void> {
  const { dataset } = record.spec;
  const now = await dataOf(dataset, owner, deps).catch((error: unknown) => {
    if (error instanceof ProblemError) throw notVerifiable(`You have no dataset ${dataset} any more.`);
    throw error;
  });
  if (now.shape.sha256 === record.data?.sha256) return;
  throw notVerifiable(
    `The dataset ${dataset} has other content now than the job was trained on. Upload the same file again under this name.`,
  );
}

/** The checkpoint that a fork began with, if its parent still has it. @throws {ProblemError} job_not_verifiable */
async function forkOf(
  request: FastifyRequest,
  { parent, spec, data }: JobRecord,
  deps: PlanningDeps,
): Promise<AskedJob['fork']> {
  const { job: id, epoch, checkpoint_sha256: sha256 } = parent!;
  const from = await deps.store.recordIn(scopeOf(request), id);
  const file = [...(from?.kept ?? []), ...(from?.checkpoint ?? [])].find((kept) => kept.sha256 === sha256);
  if (from === undefined || file === undefined) {
    throw notVerifiable(
      `The job went on from the checkpoint of epoch ${epoch} of ${id}, which is gone, so it cannot be trained again.`,
    );
  }
  const checkpoint = modelIn({ name: file.name, sha256 }, id, from, deps.artifacts);
  return {
    data: data!,
    parent: parent!,
    prepare: (child) =>
      firstCheckpoint(deps, checkpoint, { job: child, spec: { ...spec, cache: false }, parent: parent! }),
  };
}

const DOCUMENTATION = documented({
  operationId: 'verifyJob',
  tag: 'jobs',
  access: 'writer',
  summary: 'Train a job again, and compare',
  description:
    'Creates a job with the same spec, which is trained in any case. When that has succeeded, `verification` of both says whether weights and metrics have the same hashes. If they differ, no later job gets either result from the cache. A job cannot be verified if it did not succeed, if its data or the checkpoint that it was forked from are gone, or if it was trained under older rules of the engines.',
  requestHeaders: NEW_JOB_REQUEST_HEADERS,
  responses: {
    200: json('The new job was accepted, and ended while the request waited.', JobSchema, {
      examples: { verified: { summary: 'Verified', value: VERIFIED_JOB } },
      headers: NEW_JOB_HEADERS,
    }),
    202: json('Accepted and stored.', JobSchema, {
      examples: { verifying: { summary: 'Queued', value: VERIFYING_JOB } },
      headers: NEW_JOB_HEADERS,
    }),
  },
  problems: [...FOLLOWING_JOB_PROBLEMS, 'job_not_finished', 'job_not_verifiable'],
});
