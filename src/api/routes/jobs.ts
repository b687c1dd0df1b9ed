import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { isTerminal, JobListSchema, JobSchema } from '../../contract/job.ts';
import { jobOf } from '../../store/job-view.ts';
import { callerOf, scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { enqueueInBackground } from '../enqueue-in-background.ts';
import { isConditional, isUnchanged, JSON_TYPE, sendJson } from '../http/conditional.ts';
import { afterOf, ListJobsQuerySchema, readListQuery } from '../http/find-jobs-query.ts';
import { PREFER_HEADER, PREFERENCE_APPLIED, parseWait, waitApplied } from '../http/preferences.ts';
import { jobNotFound, ProblemError } from '../http/problems.ts';
import { JobPathSchema } from '../http/request-schemas.ts';
import { jobsCsv, jobsNdjson } from '../job-table.ts';
import type { JobWaits } from '../job-waits.ts';
import type { LastingResponses } from '../lasting-responses.ts';
import { etagWithLinks, withLinks } from '../links.ts';
import { contentTypeOf } from '../metrics-forms.ts';
import { QUEUED_JOB, SUCCEEDED_JOB } from '../openapi/examples.ts';
import {
  CACHE_HEADERS,
  documented,
  IF_NONE_MATCH,
  json,
  NOT_MODIFIED,
} from '../openapi/route-documentation.ts';

type JobsDeps = ApiDeps & { lasting: LastingResponses; waits: JobWaits };

/** Lists, shows, cancels and removes jobs. */
export function jobRoutes(app: FastifyInstance, deps: JobsDeps, done: () => void): void {
  const { store, retention, basePath, lasting, waits } = deps;
  const enqueue = enqueueInBackground(app, deps);
  const routes = app.withTypeProvider<ZodTypeProvider>();

  /** Sets status and headers; returns the body, or undefined if the client has it. @throws {ProblemError} */
  async function show(request: FastifyRequest, reply: FastifyReply, id: string): Promise<string | undefined> {
    const scope = scopeOf(request);
    if (isConditional(request)) {
      const etag = await store.etag(scope, id);
      if (etag === undefined) throw jobNotFound();
      if (isUnchanged(request, reply, etagWithLinks(basePath, etag))) return undefined;
    }
    const job = await store.get(scope, id);
    if (job === undefined) throw jobNotFound();
    if (isUnchanged(request, reply, etagWithLinks(basePath, job.etag))) return undefined;
    reply.type(JSON_TYPE);
    return withLinks(basePath, job);
  }

  routes.route({
    method: 'GET',
    url: '/jobs',
    schema: { querystring: ListJobsQuerySchema },
    config: LIST,
    handler: async (request, reply) => {
      const { owner, format } = request.query;
      const asked = readListQuery(request.query);
      const scope = scopeOf(request);
      const { jobs, next } =
        scope !== undefined && owner !== undefined && owner !== scope
          ? { jobs: [], next: undefined }
          : await store.list(owner ?? scope, asked);
      const path =
        next === undefined ? null : `${basePath}${nextPage(request.url, afterOf(next, asked.sort))}`;
      if (path !== null) reply.header('link', `<${path}>; rel="next"`);
      if (format === 'csv') return reply.type(contentTypeOf(format)).send(jobsCsv(jobs.map(jobOf)));
      if (format === 'ndjson') return reply.type(contentTypeOf(format)).send(jobsNdjson(jobs.map(jobOf)));
      const data = jobs.map((job) => withLinks(basePath, job));
      return sendJson(
        reply,
        `{"object":"list","data":[${data}],"has_more":${path !== null},"next":${JSON.stringify(path)}}`,
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
      const [caller, scope] = [callerOf(request), scopeOf(request)];
      const seconds = parseWait(request.headers.prefer);
      if (seconds !== undefined) {
        const head = await store.head(scope, id);
        if (head === undefined) throw jobNotFound();
        if (!isTerminal(head.status)) {
          lasting.admit(caller.owner);
          const answer = async () => {
            reply.header('preference-applied', waitApplied(seconds));
            return await show(request, reply, id);
          };
          waits.start(request, reply, { caller, scope, id, seconds, answer });
          return reply;
        }
        reply.header('preference-applied', waitApplied(seconds));
      }
      return reply.send(await show(request, reply, id));
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

/** The same question, from the given place on. */
function nextPage(url: string, after: string): string {
  const query = new URLSearchParams(url.split('?')[1] ?? '');
  query.set('after', after);
  return `/jobs?${query}`;
}

const LIST = documented({
  operationId: 'listJobs',
  tag: 'jobs',
  access: 'reader',
  summary: 'Find jobs; without a question, all, newest first',
  description:
    'All filters must hold. A number is compared: `test_accuracy=gte:0.97`; a range takes two: `learning_rate=gte:0.001&learning_rate=lt:0.1`. A job without the value, such as one that still runs, passes no filter on it.',
  responses: {
    200: {
      description: 'A page of jobs.',
      content: {
        'application/json': {
          schema: JobListSchema,
          examples: {
            page: {
              summary: 'The only page',
              value: { object: 'list', data: [SUCCEEDED_JOB], has_more: false, next: null },
            },
          },
        },
        'text/csv': {
          schema: { type: 'string' },
          examples: { table: { summary: 'One job', value: jobsCsv([SUCCEEDED_JOB]) } },
        },
        'application/x-ndjson': {
          schema: { type: 'string' },
          examples: { lines: { summary: 'One job', value: jobsNdjson([SUCCEEDED_JOB]) } },
        },
      },
      headers: {
        Link: { description: 'The next page, rel="next"; absent on the last.', schema: { type: 'string' } },
      },
    },
  },
  problems: ['store_unavailable'],
});

const GET = documented({
  operationId: 'getJob',
  tag: 'jobs',
  access: 'reader',
  summary: 'Get a job',
  description:
    'With `Prefer: wait=N`, the answer comes when the job has ended, or after N seconds with the job as it is then; If-None-Match is compared at that time.',
  requestHeaders: { 'If-None-Match': IF_NONE_MATCH, Prefer: PREFER_HEADER },
  responses: {
    200: json('The job.', JobSchema, {
      headers: { ...CACHE_HEADERS, 'Preference-Applied': PREFERENCE_APPLIED },
      examples: {
        queued: { summary: 'Queued', value: QUEUED_JOB },
        succeeded: { summary: 'Succeeded', value: SUCCEEDED_JOB },
      },
    }),
    304: NOT_MODIFIED,
  },
  problems: ['job_not_found', 'job_unreadable', 'quota_exceeded', 'store_unavailable'],
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
