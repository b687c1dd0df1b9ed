import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { JobListSchema, JobSchema } from '../../contract/job.ts';
import { type ApiDeps, OWNER } from '../deps.ts';
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
export function jobRoutes(
  app: FastifyInstance,
  { store, retention, basePath }: ApiDeps,
  done: () => void,
): void {
  const routes = app.withTypeProvider<ZodTypeProvider>();

  routes.route({
    method: 'GET',
    url: '/jobs',
    schema: { querystring: ListJobsQuerySchema },
    config: LIST,
    handler: async (request, reply) => {
      const { limit, after, status } = request.query;
      const { jobs, hasMore } = await store.list(OWNER, { limit, after, status });
      const last = jobs.at(-1);
      const next = hasMore && last !== undefined ? `${basePath}${nextPage(limit, last.id, status)}` : null;
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
        const etag = await store.etag(OWNER, id);
        if (etag === undefined) throw jobNotFound();
        if (isUnchanged(request, reply, etagWithLinks(basePath, etag))) return reply.send();
      }
      const job = await store.get(OWNER, id);
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
      const removal = await retention.remove(OWNER, request.params.id);
      if (removal.outcome === 'not_found') throw jobNotFound();
      if (removal.outcome === 'not_finished') {
        throw new ProblemError(
          'job_not_finished',
          `The job is ${removal.status}. Only a job that has ended can be deleted: cancel it, or wait for its end.`,
        );
      }
      return reply.code(204).send();
    },
  });

  routes.route({
    method: 'POST',
    url: '/jobs/:id/cancel',
    schema: { params: JobPathSchema },
    config: CANCEL,
    handler: async (request, reply) => {
      const cancel = await store.cancel(OWNER, request.params.id);
      if (cancel.outcome === 'not_found') throw jobNotFound();
      if (cancel.outcome === 'finished') {
        throw new ProblemError('job_finished', `The job has already ${cancel.status}; nothing was changed.`);
      }
      return sendJson(reply.code(202), withLinks(basePath, cancel.job));
    },
  });
  done();
}

function nextPage(limit: number, after: string, status: string | undefined): string {
  const query = new URLSearchParams({ limit: String(limit), after, ...(status !== undefined && { status }) });
  return `/jobs?${query}`;
}

const LIST = documented({
  operationId: 'listJobs',
  tag: 'jobs',
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
  summary: 'Delete a finished job with its events and files',
  responses: { 204: { description: 'Deleted.' } },
  problems: ['job_not_found', 'job_not_finished', 'store_unavailable', 'store_read_only', 'storage_full'],
});

const CANCEL = documented({
  operationId: 'cancelJob',
  tag: 'jobs',
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
