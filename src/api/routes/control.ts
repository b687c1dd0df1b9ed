import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { JobSchema } from '../../contract/job.ts';
import { JobPatchSchema } from '../../contract/job-spec.ts';
import { callerOf, scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { enqueueInBackground } from '../enqueue-in-background.ts';
import { isWanted, sendJson } from '../http/conditional.ts';
import { acceptMergePatch, refuseMissingBody } from '../http/json-body.ts';
import { invalidFields, jobNotFound, ProblemError } from '../http/problems.ts';
import { JobPathSchema, PauseQuerySchema } from '../http/request-schemas.ts';
import { etagWithLinks, withLinks } from '../links.ts';
import { PAUSED_JOB, QUEUED_JOB } from '../openapi/examples.ts';
import { documented, json } from '../openapi/route-documentation.ts';

/** Pauses and resumes jobs, and changes what they are called and when they start. */
export function controlRoutes(app: FastifyInstance, deps: ApiDeps, done: () => void): void {
  const { control, basePath } = deps;
  const enqueue = enqueueInBackground(app, deps);
  const routes = app.withTypeProvider<ZodTypeProvider>();

  routes.route({
    method: 'POST',
    url: '/jobs/:id/pause',
    schema: { params: JobPathSchema, querystring: PauseQuerySchema },
    config: PAUSE,
    handler: async (request, reply) => {
      const { id } = request.params;
      const pause = await control.pause(scopeOf(request), id, request.query.now === 'true');
      if (pause.outcome === 'not_found') throw jobNotFound();
      if (pause.outcome === 'finished') throw alreadyEnded(pause.status);
      if (pause.outcome === 'cancelling') throw isCancelling();
      request.log.info({ job: id, owner: callerOf(request).owner }, 'job paused by request');
      for (const deliveryId of pause.released) enqueue(deliveryId);
      return sendJson(reply.code(202), withLinks(basePath, pause.job));
    },
  });

  routes.route({
    method: 'POST',
    url: '/jobs/:id/resume',
    schema: { params: JobPathSchema },
    config: RESUME,
    handler: async (request, reply) => {
      const { id } = request.params;
      const resume = await control.resume(scopeOf(request), id);
      if (resume.outcome === 'not_found') throw jobNotFound();
      if (resume.outcome === 'finished') throw alreadyEnded(resume.status);
      if (resume.outcome === 'not_paused') {
        if (resume.status === 'cancelling') throw isCancelling();
        throw new ProblemError(
          'job_not_paused',
          'The job is still pausing: its worker stops at the end of the epoch. Resume it when it is paused, or pause it with ?now=true first.',
        );
      }
      request.log.info({ job: id, owner: callerOf(request).owner }, 'job resumed');
      for (const deliveryId of resume.released) enqueue(deliveryId);
      return sendJson(reply.code(202), withLinks(basePath, resume.job));
    },
  });
  routes.register(patchRoute, deps);
  done();
}

/** Another scope, since its body is of another type. */
function patchRoute(app: FastifyInstance, { control, store, basePath }: ApiDeps, done: () => void): void {
  acceptMergePatch(app);
  app.withTypeProvider<ZodTypeProvider>().route({
    method: 'PATCH',
    url: '/jobs/:id',
    schema: { params: JobPathSchema, body: JobPatchSchema },
    config: PATCH,
    preValidation: async (request) => refuseMissingBody(request.body, 'Send {"name": "..."}, for example.'),
    handler: async (request, reply) => {
      const { id } = request.params;
      const scope = scopeOf(request);
      const etag = await store.etag(scope, id);
      if (etag === undefined) throw jobNotFound();
      const wanted = isWanted(request, etagWithLinks(basePath, etag));
      if (wanted === false) throw hasChanged();
      const update = await control.update(scope, id, request.body, wanted === true ? etag : undefined);
      switch (update.outcome) {
        case 'updated':
          request.log.info({ job: id, owner: callerOf(request).owner }, 'job updated');
          reply.header('etag', etagWithLinks(basePath, update.job.etag));
          return sendJson(reply, withLinks(basePath, update.job));
        case 'not_found':
          throw jobNotFound();
        case 'changed':
          throw hasChanged();
        case 'not_queued':
          throw new ProblemError(
            'job_not_queued',
            `The job is ${update.status}. Only a queued job has a priority that matters; nothing was changed.`,
          );
        case 'too_many_pairs':
          throw invalidFields([
            { in: 'body', pointer: '/metadata', detail: 'would leave the job with more than 16 pairs' },
          ]);
      }
    },
  });
  done();
}

const hasChanged = (): ProblemError =>
  new ProblemError(
    'precondition_failed',
    'The job is no longer the one that If-Match names; nothing was changed. Get it again, and decide anew.',
  );

const alreadyEnded = (status: string): ProblemError =>
  new ProblemError(
    'job_finished',
    `The job has already ${status === 'cancelled' ? 'been ' : ''}${status}; nothing was changed.`,
  );

const isCancelling = (): ProblemError =>
  new ProblemError('job_cancelling', 'The job is being cancelled; nothing was changed.');

const PROBLEMS = [
  'job_not_found',
  'job_finished',
  'job_cancelling',
  'job_unreadable',
  'store_unavailable',
  'store_read_only',
  'storage_full',
] as const;

const PAUSE = documented({
  operationId: 'pauseJob',
  tag: 'jobs',
  access: 'writer',
  summary: 'Pause a job',
  description:
    'A queued job is `paused` at once. A running one is `pausing` until its worker has written a checkpoint at the end of the epoch, and then `paused`, which frees the worker; it still ends as `succeeded` if that was its last epoch. A paused job keeps its files until it is resumed or cancelled. Pausing again changes nothing, but may add `now`.',
  responses: {
    202: json('Paused, or about to be.', JobSchema, {
      examples: { paused: { summary: 'Paused', value: PAUSED_JOB } },
    }),
  },
  problems: [...PROBLEMS],
});

const PATCH = documented({
  operationId: 'updateJob',
  tag: 'jobs',
  access: 'writer',
  summary: 'Change the name, metadata or priority of a job',
  description:
    'The body is a JSON Merge Patch (RFC 7396): what is absent stays, and null removes. Name and metadata can be changed at any time, the priority while the job is queued: it then stands among those of its new priority as if it had been created with it. Nothing else of a job can be changed.',
  requestHeaders: {
    'If-Match': {
      description:
        'Changes the job only if it still has this ETag; otherwise 412. The ETag changes with everything that the job shows, also with its progress and its place in the queue.',
      schema: { type: 'string' },
    },
  },
  bodies: {
    'application/merge-patch+json': {
      schema: JobPatchSchema,
      examples: {
        name: {
          summary: 'Another name, one pair more and one less',
          value: { name: 'the best so far', metadata: { checked: 'yes', series: null } },
        },
        priority: { summary: 'Before the others', value: { priority: 5 } },
      },
    },
  },
  responses: {
    200: json('The job as it is now.', JobSchema, {
      headers: {
        ETag: { description: 'Of the job as it is now.', schema: { type: 'string' }, required: true },
      },
      examples: { queued: { summary: 'Queued', value: QUEUED_JOB } },
    }),
  },
  problems: [
    'job_not_found',
    'job_not_queued',
    'job_unreadable',
    'precondition_failed',
    'unsupported_media_type',
    'store_unavailable',
    'store_read_only',
    'storage_full',
  ],
});

const RESUME = documented({
  operationId: 'resumeJob',
  tag: 'jobs',
  access: 'writer',
  summary: 'Resume a paused job',
  description:
    'The job is `queued` before all others of its owner and goes on from its newest checkpoint: its result has the same bits as without the pause. Resuming a job that waits or runs changes nothing.',
  responses: {
    202: json('Queued.', JobSchema, { examples: { queued: { summary: 'Queued', value: QUEUED_JOB } } }),
  },
  problems: [...PROBLEMS, 'job_not_paused'],
});
