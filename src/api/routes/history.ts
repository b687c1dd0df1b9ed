import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { EvaluationSchema } from '../../contract/evaluation.ts';
import { isTerminal } from '../../contract/job.ts';
import type { MetricsRow } from '../../contract/metrics.ts';
import { MetricsRowSchema } from '../../contract/metrics.ts';
import { MetricsListSchema } from '../../contract/metrics-list.ts';
import { scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { isUnchanged, sendJson } from '../http/conditional.ts';
import { negotiate } from '../http/negotiation.ts';
import { jobNotFound } from '../http/problems.ts';
import { JobPathSchema, MetricsQuerySchema } from '../http/request-schemas.ts';
import { missingFile, notFinished } from '../job-files.ts';
import { EVALUATION, METRICS_ROW } from '../openapi/examples.ts';
import {
  CACHE_HEADERS,
  documented,
  IF_NONE_MATCH,
  json,
  NOT_MODIFIED,
} from '../openapi/route-documentation.ts';

const CSV = 'text/csv';

/** A job's metrics per epoch, and the evaluation of its finished model. */
export function historyRoutes(app: FastifyInstance, deps: ApiDeps, done: () => void): void {
  const { store, events, artifacts } = deps;
  const routes = app.withTypeProvider<ZodTypeProvider>();

  routes.route({
    method: 'GET',
    url: '/jobs/:id/metrics',
    schema: { params: JobPathSchema, querystring: MetricsQuerySchema },
    config: METRICS,
    handler: async (request, reply) => {
      const { id } = request.params;
      const { after, format } = request.query;
      reply.header('vary', 'accept');
      const type = format === undefined ? negotiate(request, ['application/json', CSV]) : format;
      // The status is read first: the rows may then be newer than the status, but a terminal status never lacks rows.
      const head = await store.head(scopeOf(request), id);
      if (head === undefined) throw jobNotFound();
      const wantsCsv = type === 'csv' || type === CSV;
      if (isUnchanged(request, reply, wantsCsv ? head.etag.replace(/"$/, '.csv"') : head.etag))
        return reply.send();
      if (wantsCsv) {
        const csv = toCsv(await events.metricsRows(id, after));
        return reply.type('text/csv; charset=utf-8; header=present').send(csv);
      }
      const rows = await events.metricsJson(id, after, head.etag);
      const { status } = head;
      return sendJson(
        reply,
        `{"object":"list","data":${rows},"status":"${status}","terminal":${isTerminal(status)}}`,
      );
    },
  });

  routes.route({
    method: 'GET',
    url: '/jobs/:id/evaluation',
    schema: { params: JobPathSchema },
    config: EVALUATE,
    handler: async (request, reply) => {
      const { id } = request.params;
      const record = await store.recordIn(scopeOf(request), id);
      if (record === undefined) throw jobNotFound();
      const { status, evaluation: file } = record;
      if (file === undefined) throw notFinished(status, 'evaluation');
      if (isUnchanged(request, reply, `"${file.sha256}"`)) return reply.send();
      const content = await artifacts.read(id, file);
      if (content === undefined) throw await missingFile(store, scopeOf(request), id, file.name);
      return sendJson(reply, content);
    },
  });
  done();
}

const COLUMNS = Object.keys(MetricsRowSchema.shape) as (keyof MetricsRow)[];

/** CSV by RFC 4180. null is an empty field; all others are numbers, so none needs quotes. */
function toCsv(rows: readonly MetricsRow[]): string {
  const lines = [COLUMNS.join(','), ...rows.map((row) => COLUMNS.map((name) => row[name] ?? '').join(','))];
  return `${lines.join('\r\n')}\r\n`;
}

const METRICS = documented({
  operationId: 'getMetrics',
  tag: 'watching',
  access: 'reader',
  summary: "A job's metrics, one row per epoch",
  description: 'Empty until the first epoch has ended. As CSV with `format=csv` or `Accept: text/csv`.',
  requestHeaders: { 'If-None-Match': IF_NONE_MATCH },
  responses: {
    200: {
      description: 'The rows.',
      headers: CACHE_HEADERS,
      content: {
        'application/json': {
          schema: MetricsListSchema,
          examples: {
            running: {
              summary: 'After one epoch',
              value: { object: 'list', data: [METRICS_ROW], status: 'running', terminal: false },
            },
          },
        },
        'text/csv': {
          schema: { type: 'string' },
          examples: { running: { summary: 'After one epoch', value: toCsv([METRICS_ROW]) } },
        },
      },
    },
    304: NOT_MODIFIED,
  },
  problems: ['job_not_found', 'not_acceptable', 'store_unavailable'],
});

const EVALUATE = documented({
  operationId: 'getEvaluation',
  tag: 'watching',
  access: 'reader',
  summary: 'The evaluation of the finished model on the test rows',
  requestHeaders: { 'If-None-Match': IF_NONE_MATCH },
  responses: {
    200: json('The evaluation.', EvaluationSchema, {
      headers: CACHE_HEADERS,
      examples: { small: { summary: 'Two classes, four rows', value: EVALUATION } },
    }),
    304: NOT_MODIFIED,
  },
  problems: ['job_not_found', 'not_available_yet', 'not_found', 'job_unreadable', 'store_unavailable'],
});
