import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { JobSchema } from '../../contract/job.ts';
import { callerOf, scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { enqueueInBackground } from '../enqueue-in-background.ts';
import { sendJson } from '../http/conditional.ts';
import { jobNotFound, ProblemError } from '../http/problems.ts';
import { JobPathSchema, PauseQuerySchema } from '../http/request-schemas.ts';
import { withLinks } from '../links.ts';
import { PAUSED_JOB, QUEUED_JOB } from '../openapi/examples.ts';
import { documented, json } from '../openapi/route-documentation.ts';

/** Pauses and resumes jobs. */
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
  done();
}

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
