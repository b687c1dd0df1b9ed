import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { JobSchema } from '../../contract/job.ts';
import { JobRequestSchema } from '../../contract/job-spec.ts';
import {
  createAndAnswer,
  createJob,
  creationNeeds,
  type PlanningDeps,
  type WaitingDeps,
} from '../create-job.ts';
import { enqueueInBackground } from '../enqueue-in-background.ts';
import { IDEMPOTENCY_KEY_SCHEMA, parseIdempotencyKey } from '../http/idempotency.ts';
import { acceptJsonBody, refuseMissingBody } from '../http/json-body.ts';
import { CACHED_JOB, EXAMPLE_SPECS, QUEUED_JOB, SUCCEEDED_JOB } from '../openapi/examples.ts';
import { NEW_JOB_HEADERS, NEW_JOB_PROBLEMS, NEW_JOB_REQUEST_HEADERS } from '../openapi/new-job.ts';
import { documented, json } from '../openapi/route-documentation.ts';

/** POST /jobs. */

const DOCUMENTATION = documented({
  operationId: 'createJob',
  tag: 'jobs',
  access: 'writer',
  summary: 'Create a job',
  description:
    'Accepts a training job and responds at once; a worker picks it up from the queue. `{}` is the reference run: every field has a default. With `Prefer: wait=N`, the answer comes when the job has ended, or after N seconds with the job as it is then; a repeat with the same Idempotency-Key waits anew. If an earlier job of yours has the result of such a spec, the new one ends at once with that (200, `cached`), unless its spec has `cache: false`: the data, and every field that decides a bit of the result or which files are kept, must be the same. Name, metadata, limits, priority and the choice among the engines with the same bits may differ.',
  bodyExamples: EXAMPLE_SPECS,
  requestHeaders: {
    ...NEW_JOB_REQUEST_HEADERS,
    'Idempotency-Key': {
      description:
        '1 to 255 visible ASCII characters, bare or as a quoted string. For 24 hours, the same key with the same body gets the same response (if it does not wait) and creates nothing; with another body it is refused, as it is once its job has been deleted. The latest 10,000 keys are remembered.',
      schema: IDEMPOTENCY_KEY_SCHEMA,
    },
  },
  responses: {
    200: json(
      'The job was accepted, and ended while the request waited, or at once with a cached result.',
      JobSchema,
      {
        examples: {
          succeeded: { summary: 'Succeeded', value: SUCCEEDED_JOB },
          cached: { summary: 'With the result of an earlier job', value: CACHED_JOB },
        },
        headers: NEW_JOB_HEADERS,
      },
    ),
    202: json('Accepted and stored.', JobSchema, {
      examples: { queued: { summary: 'Queued', value: QUEUED_JOB } },
      headers: NEW_JOB_HEADERS,
    }),
  },
  problems: ['unsupported_media_type', ...NEW_JOB_PROBLEMS],
});

export function createJobRoute(
  app: FastifyInstance,
  deps: PlanningDeps & WaitingDeps,
  done: () => void,
): void {
  acceptJsonBody(app);
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
      const { webhooks, ...spec } = request.body;
      const asked = { spec, webhooks, sent: sent.get(request), key };
      return await createAndAnswer(request, reply, deps, (by) =>
        createJob(needs, enqueue, { ...asked, ...by }),
      );
    },
  });
  done();
}
