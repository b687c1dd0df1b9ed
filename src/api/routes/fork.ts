import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { DataShape } from '../../contract/data-shape.ts';
import { isTerminal, JobSchema, type Parent } from '../../contract/job.ts';
import {
  ExtendSchema,
  type Fork,
  ForkSchema,
  forkedSpec,
  type JobSpec,
  JobSpecSchema,
} from '../../contract/job-spec.ts';
import { keepsSameState } from '../../engine/optimizer-state.ts';
import type { CheckpointFile, JobRecord } from '../../store/job-record.ts';
import { scopeOf } from '../access/caller.ts';
import { type By, createFromJob } from '../create-from-job.ts';
import {
  type Created,
  createJob,
  creationNeeds,
  type PlanningDeps,
  type WaitingDeps,
} from '../create-job.ts';
import { enqueueInBackground } from '../enqueue-in-background.ts';
import { firstCheckpoint } from '../first-checkpoint.ts';
import { acceptJsonBody, refuseMissingBody } from '../http/json-body.ts';
import { invalidFields, jobNotFound, ProblemError } from '../http/problems.ts';
import { JobPathSchema } from '../http/request-schemas.ts';
import { type FieldError, fieldErrors } from '../http/validation-errors.ts';
import { checkpointOf, modelIn } from '../job-files.ts';
import type { ModelRoom } from '../model-room.ts';
import { CACHED_JOB, FORKED_JOB } from '../openapi/examples.ts';
import { FOLLOWING_JOB_PROBLEMS, NEW_JOB_HEADERS, NEW_JOB_REQUEST_HEADERS } from '../openapi/new-job.ts';
import { documented, json } from '../openapi/route-documentation.ts';
import { checkSpec } from '../spec-limits.ts';

/** New jobs that go on from a checkpoint of another. */

/** Reading and writing a large checkpoint takes seconds. */
const TIMEOUT_MS = 60_000;

export function forkRoutes(
  app: FastifyInstance,
  deps: PlanningDeps & WaitingDeps & { room: ModelRoom },
  done: () => void,
): void {
  acceptJsonBody(app);
  const { store, models, artifacts, room } = deps;
  const enqueue = enqueueInBackground(app, deps);
  const needs = creationNeeds(deps);
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const sent = new WeakMap<FastifyRequest, unknown>();
  const remember = async (request: FastifyRequest) => {
    refuseMissingBody(request.body, 'Send an object as JSON; {} forks the job as it is.');
    sent.set(request, request.body);
  };

  routes.route({
    method: 'POST',
    url: '/jobs/:id/fork',
    handlerTimeout: TIMEOUT_MS,
    schema: { params: JobPathSchema, body: ForkSchema },
    config: FORK,
    preValidation: remember,
    handler: async (request, reply) =>
      await createFromJob(request, reply, deps, sent.get(request) ?? null, async (by) => {
        const { id } = request.params;
        const record = await recordOf(request, id);
        const { from_epoch, overrides, webhooks } = request.body;
        const checkpoint = checkpointOf(record, from_epoch);
        return await create(by, { id, record, checkpoint, overrides, webhooks });
      }),
  });

  routes.route({
    method: 'POST',
    url: '/jobs/:id/extend',
    handlerTimeout: TIMEOUT_MS,
    schema: { params: JobPathSchema, body: ExtendSchema },
    config: EXTEND,
    preValidation: remember,
    handler: async (request, reply) =>
      await createFromJob(request, reply, deps, sent.get(request) ?? null, async (by) => {
        const { id } = request.params;
        const { epochs, webhooks } = request.body;
        const record = await recordOf(request, id);
        if (!isTerminal(record.status)) {
          throw new ProblemError(
            'job_not_finished',
            `The job is ${record.status}. Extend it when it has succeeded.`,
          );
        }
        const had = record.spec.training.epochs;
        const checkpoint = checkpointOf(record, had);
        if (epochs <= had) {
          const detail = `must be more than ${had}, the epochs that the job had; got ${epochs}`;
          throw invalidFields([{ in: 'body', pointer: '/epochs', detail }]);
        }
        const overrides = { training: { epochs } };
        return await create(by, { id, record, checkpoint, overrides, webhooks });
      }),
  });
  done();

  async function recordOf(request: FastifyRequest, id: string): Promise<JobRecord> {
    const record = await store.recordIn(scopeOf(request), id);
    if (record === undefined) throw jobNotFound();
    return record;
  }

  async function create(by: By, { id, record, checkpoint, overrides, webhooks }: Origin): Promise<Created> {
    const spec = specOf(record, checkpoint.epoch, overrides);
    const { name, sha256, epoch } = checkpoint;
    const model = modelIn({ name, sha256 }, id, record, artifacts);
    const parent: Parent = {
      job: id,
      epoch,
      checkpoint_sha256: sha256,
      optimizer_state: keepsSameState(record.spec.optimizer, spec.optimizer) ? 'kept' : 'new',
    };
    const fork = {
      data: dataOf(record),
      parent,
      prepare: (child: string) => firstCheckpoint({ models, artifacts }, model, { job: child, spec, parent }),
    };
    const giveBack = room.take(record.parameters, record);
    try {
      return await createJob(needs, enqueue, { spec, webhooks, fork, ...by });
    } finally {
      giveBack();
    }
  }
}

interface Origin {
  id: string;
  record: JobRecord;
  checkpoint: CheckpointFile;
  overrides: Fork['overrides'];
  webhooks: Fork['webhooks'];
}

/** @throws {ProblemError} no_checkpoint */
function dataOf({ data }: JobRecord): DataShape {
  if (data !== undefined) return data;
  throw new ProblemError(
    'no_checkpoint',
    'An earlier version of Descent created this job and did not record its data, so no other can go on from it.',
  );
}

const SPEC = z.toJSONSchema(JobSpecSchema, { io: 'input', unrepresentable: 'any' }) as Parameters<
  typeof fieldErrors
>[1];

/** @throws {ProblemError} validation_failed */
function specOf(record: JobRecord, epoch: number, overrides: Fork['overrides']): JobSpec {
  const wanted = forkedSpec(record.spec, overrides);
  const parsed = JobSpecSchema.safeParse(wanted);
  if (!parsed.success)
    throw invalidFields(fieldErrors('body', SPEC, parsed.error.issues, wanted).map(inOverrides));
  const forked = parsed.data;
  const { epochs } = forked.training;
  if (epochs <= epoch) {
    const detail = `must be more than ${epoch}, the epoch that it goes on from; got ${epochs}`;
    throw invalidFields([{ in: 'body', pointer: '/overrides/training/epochs', detail }]);
  }
  try {
    return checkSpec(forked, dataOf(record)).spec;
  } catch (error) {
    if (!(error instanceof ProblemError) || error.errors === undefined) throw error;
    throw invalidFields(error.errors.map(inOverrides));
  }
}

const inOverrides = (error: FieldError): FieldError => ({ ...error, pointer: `/overrides${error.pointer}` });

const RESPONSES = {
  200: json(
    'The job was accepted, and ended while the request waited, or at once with a cached result.',
    JobSchema,
    {
      headers: NEW_JOB_HEADERS,
      examples: { cached: { summary: 'With the result of an earlier job', value: CACHED_JOB } },
    },
  ),
  202: json('Accepted and stored.', JobSchema, {
    headers: NEW_JOB_HEADERS,
    examples: { forked: { summary: 'Queued', value: FORKED_JOB } },
  }),
};

const PROBLEMS = ['unsupported_media_type', ...FOLLOWING_JOB_PROBLEMS] as const;

const FORK = documented({
  operationId: 'forkJob',
  tag: 'jobs',
  access: 'writer',
  summary: 'Create a job that goes on from a checkpoint of another',
  description:
    'The new job has the spec of its parent, but for the overrides, and the history of its parent up to that epoch. It trains the epochs after that; its steps, and what dropout drops, go on from those of the parent. An optimizer that keeps another state begins anew, which `parent.optimizer_state` says. A job that has not ended can be forked from the checkpoints that it would resume from.',
  bodyExamples: {
    rate: {
      summary: 'Twice as many epochs, at a tenth of the rate',
      value: { overrides: { optimizer: { learning_rate: 0.0001 }, training: { epochs: 20 } } },
    },
    epoch: {
      summary: 'From the fifth epoch, with another optimizer',
      value: { from_epoch: 5, overrides: { optimizer: { type: 'adam' } } },
    },
  },
  requestHeaders: NEW_JOB_REQUEST_HEADERS,
  responses: RESPONSES,
  problems: PROBLEMS,
});

const EXTEND = documented({
  operationId: 'extendJob',
  tag: 'jobs',
  access: 'writer',
  summary: 'Create a job that trains a finished one for more epochs',
  description:
    'The new job ends with the bits of a job that had asked for so many epochs at once. Its parent must have kept the checkpoint of its last epoch, as jobs do by default.',
  bodyExamples: { more: { summary: 'To twenty epochs', value: { epochs: 20 } } },
  requestHeaders: NEW_JOB_REQUEST_HEADERS,
  responses: RESPONSES,
  problems: [...PROBLEMS, 'job_not_finished'],
});
