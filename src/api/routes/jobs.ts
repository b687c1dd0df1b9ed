import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { JobListSchema, JobSchema } from '../../contract/job.ts';
import { callerOf, scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { enqueueInBackground } from '../enqueue-in-background.ts';
import { isConditional, isUnchanged, sendJson } from '../http/conditional.ts';
import { jobNotFound, ProblemError } from '../http/problems.ts';
import { JobPathSchema, ListJobsQuerySchema } from '../http/request-schemas.ts';
import { etagWithLinks, withLinks } from '../links.ts';
import { QUEUED_JOB, SUCCEEDED_JOB } from '../openapi/examples.ts';
import {
  CACHE_HEADERS,
  documented,
  IF_NONE_MATCH,
  json,
  NOT_MODIFIED,
} from '../openapi/route-documentation.ts';

/** Lists, shows, cancels and removes jobs. */
export function jobRoutes(app: FastifyInstance, deps: ApiDeps, done: () => void): void {
  const { store, retention, basePath } = deps;
  const enqueue = enqueueInBackground(app, deps);
  const routes = app.withTypeProvider<ZodTypeProvider>();

  routes.route({
    method: 'GET',
    url: '/jobs',
    schema: { querystring: ListJobsQuerySchema },
    config: LIST,
    handler: async (request, reply) => {
      const { limit, after, status, owner } = request.query;
      const scope = scopeOf(request);
      const { jobs, hasMore } =
        scope !== undefined && owner !== undefined && owner !== scope
          ? { jobs: [], hasMore: false }
          : await store.list(owner ?? scope, { limit, after, status });
      const last = jobs.at(-1);
      const next =
        hasMore && last !== undefined
          ? `${basePath}${nextPage({ limit: String(limit), after: last.id, status, owner })}`
          : null;
      if (next !== null) reply.header('link', `<${next}>; rel="next"`);
      const data = jobs.map((job) => withLinks(basePath, job));
      return sendJson(
        reply,
        `{"object":"list","data":[${data}],"has_more":${next !== null},"next":${JSON.stringify(next)}}`,
      );
    },
  });

  routes.route({
    method: 'GET',
    url: '/jobs/:id',
    schema: { params: JobPathSchema },
    config: GET,
    handler: async (request, reply) => {
      const { id } = request.params;
      if (isConditional(request)) {
        const etag = await store.etag(scopeOf(request), id);
        if (etag === undefined) throw jobNotFound();
        if (isUnchanged(request, reply, etagWithLinks(basePath, etag))) return reply.send();
      }
      const job = await store.get(scopeOf(request), id);
      if (job === undefined) throw jobNotFound();
      return isUnchanged(request, reply, etagWithLinks(basePath, job.etag))
        ? reply.send()
        : sendJson(reply, withLinks(basePath, job));
    },
  });

  routes.route({
    method: 'DELETE',
    url: '/jobs/:id',
    schema: { params: JobPathSchema },
    config: REMOVE,
    handler: async (request, reply) => {
      const removal = await retention.remove(scopeOf(request), request.params.id);
      if (removal.outcome === 'not_found') throw jobNotFound();
      if (removal.outcome === 'not_finished') {
        throw new ProblemError(
          'job_not_finished',
          `The job is ${removal.status}. Only a job that has ended can be deleted: cancel it, or wait for its end.`,
        );
      }
      request.log.info({ job: request.params.id, owner: callerOf(request).owner }, 'job deleted');
      return reply.code(204).send();
    },
  });

  routes.route({
    method: 'POST',
    url: '/jobs/:id/cancel',
    schema: { params: JobPathSchema },
    config: CANCEL,
    handler: async (request, reply) => {
      const cancel = await store.cancel(scopeOf(request), request.params.id);
      if (cancel.outcome === 'not_found') throw jobNotFound();
      if (cancel.outcome === 'finished') {
        throw new ProblemError('job_finished', `The job has already ${cancel.status}; nothing was changed.`);
      }
      request.log.info({ job: request.params.id, owner: callerOf(request).owner }, 'job cancelled');
      for (const deliveryId of cancel.released) enqueue(deliveryId);
      return sendJson(reply.code(202), withLinks(basePath, cancel.job));
    },
  });
  done();
}

function nextPage(query: Record<string, string | undefined>): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return `/jobs?${new URLSearchParams(given)}`;
}

const LIST = documented({
  operationId: 'listJobs',
  tag: 'jobs',
  access: 'reader',
  summary: 'List jobs, newest first',
  responses: {
    200: json('A page of jobs.', JobListSchema, {
      examples: {
        page: {
          summary: 'The only page',
          value: { object: 'list', data: [SUCCEEDED_JOB], has_more: false, next: null },
        },
      },
      headers: {
        Link: { description: 'The next page, rel="next"; absent on the last.', schema: { type: 'string' } },
      },
    }),
  },
  problems: ['store_unavailable'],
});

const GET = documented({
  operationId: 'getJob',
  tag: 'jobs',
  access: 'reader',
  summary: 'Get a job',
  requestHeaders: { 'If-None-Match': IF_NONE_MATCH },
  responses: {
    200: json('The job.', JobSchema, {
      headers: CACHE_HEADERS,
      examples: {
        queued: { summary: 'Queued', value: QUEUED_JOB },
        succeeded: { summary: 'Succeeded', value: SUCCEEDED_JOB },
      },
    }),
    304: NOT_MODIFIED,
  },
  problems: ['job_not_found', 'job_unreadable', 'store_unavailable'],
});

const REMOVE = documented({
  operationId: 'deleteJob',
  tag: 'jobs',
  access: 'writer',
  summary: 'Delete a finished job with its events and files',
  responses: { 204: { description: 'Deleted.' } },
  problems: ['job_not_found', 'job_not_finished', 'store_unavailable', 'store_read_only', 'storage_full'],
});

const CANCEL = documented({
  operationId: 'cancelJob',
  tag: 'jobs',
  access: 'writer',
  summary: 'Cancel a job',
  description:
    'Cancelling again changes nothing and gets the same response. A running job is `cancelling` until its worker has stopped; it still ends as `succeeded` if it finishes first.',
  responses: { 202: json('Cancelled, or being cancelled.', JobSchema) },
  problems: [
    'job_not_found',
    'job_finished',
    'job_unreadable',
    'store_unavailable',
    'store_read_only',
    'storage_full',
  ],
});
