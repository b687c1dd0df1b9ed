import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { ComparisonSchema } from '../../contract/comparison.ts';
import { jobOf } from '../../store/job-view.ts';
import { scopeOf } from '../access/caller.ts';
import { type ComparedJob, compare } from '../comparison.ts';
import { longCsv, wideCsv } from '../comparison-csv.ts';
import type { ApiDeps } from '../deps.ts';
import { isUnchanged, sendJson } from '../http/conditional.ts';
import { jobsNotFound } from '../http/problems.ts';
import { CompareQuerySchema } from '../http/request-schemas.ts';
import { COMPARISON } from '../openapi/result-examples.ts';
import { CACHE_HEADERS, documented, IF_NONE_MATCH, NOT_MODIFIED } from '../openapi/route-documentation.ts';

/** GET /compare: jobs side by side. */
export function compareRoute(app: FastifyInstance, { store, events }: ApiDeps, done: () => void): void {
  app.withTypeProvider<ZodTypeProvider>().route({
    method: 'GET',
    url: '/compare',
    schema: { querystring: CompareQuerySchema },
    config: COMPARE,
    handler: async (request, reply) => {
      const { jobs: ids, ...form } = request.query;
      const scope = scopeOf(request);
      const views = await Promise.all(ids.map((id) => store.get(scope, id)));
      const found = views.filter((view) => view !== undefined);
      if (found.length < ids.length) throw jobsNotFound(ids.filter((_, j) => views[j] === undefined));
      const key = JSON.stringify([form, found.map(({ id, etag }) => [id, etag])]);
      const etag = `"${createHash('sha256').update(key).digest('base64url')}"`;
      if (isUnchanged(request, reply, etag)) return reply.send();
      // One after another, so that others get their turn between two long histories.
      const compared: ComparedJob[] = [];
      for (const view of found) {
        compared.push({ job: jobOf(view), rows: await events.metricsRows(view.id, 0) });
      }
      const comparison = compare(compared);
      if (form.format === 'json') return sendJson(reply, JSON.stringify(comparison));
      const csv = form.shape === 'long' ? longCsv(comparison) : wideCsv(comparison, form.metric);
      return reply.type('text/csv; charset=utf-8; header=present').send(csv);
    },
  });
  done();
}

const COMPARE = documented({
  operationId: 'compareJobs',
  tag: 'watching',
  access: 'reader',
  summary: 'Jobs side by side: what differs, their curves and their order',
  description:
    'As JSON, or as CSV: `shape=long` has a line for each job and epoch, `shape=wide` a line for each epoch with a column for each job, for one `metric`.',
  requestHeaders: { 'If-None-Match': IF_NONE_MATCH },
  responses: {
    200: {
      description: 'The comparison.',
      headers: CACHE_HEADERS,
      content: {
        'application/json': {
          schema: ComparisonSchema,
          examples: { two: { summary: 'Two jobs, one epoch', value: COMPARISON } },
        },
        'text/csv': { schema: { type: 'string' } },
      },
    },
    304: NOT_MODIFIED,
  },
  problems: ['job_not_found', 'job_unreadable', 'store_unavailable'],
});
