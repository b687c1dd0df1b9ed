import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { EvaluationSchema } from '../../contract/evaluation.ts';
import { MetricsColumnsSchema, MetricsListSchema } from '../../contract/metrics-list.ts';
import { parseRows } from '../../store/job-events.ts';
import { scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { isUnchanged, sendJson } from '../http/conditional.ts';
import { negotiate } from '../http/negotiation.ts';
import { jobNotFound } from '../http/problems.ts';
import { JobPathSchema, MetricsQuerySchema } from '../http/request-schemas.ts';
import { missingFile, notFinished } from '../job-files.ts';
import { contentTypeOf, type MetricsForm, renderMetrics, toColumns, toCsv } from '../metrics-forms.ts';
import { EVALUATION, METRICS_ROW, NUMBER_EVALUATION, NUMBER_METRICS_ROW } from '../openapi/examples.ts';
import {
  CACHE_HEADERS,
  documented,
  IF_NONE_MATCH,
  json,
  NOT_MODIFIED,
} from '../openapi/route-documentation.ts';
import { thinRows } from '../thin-rows.ts';

/** What Accept may ask for; the other forms have a type that says too little. */
const NEGOTIABLE = {
  'application/json': 'json',
  'text/csv': 'csv',
  'application/x-ndjson': 'ndjson',
} as const;
const TYPES = ['application/json', 'text/csv', 'application/x-ndjson'] as const;

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
      const { after, max_points: most } = request.query;
      const form = request.query.format ?? NEGOTIABLE[negotiate(request, reply, TYPES)];
      // The status is read first: the rows may then be newer than the status, but a terminal status never lacks rows.
      const head = await store.head(scopeOf(request), id);
      if (head === undefined) throw jobNotFound();
      if (isUnchanged(request, reply, etagOf(head.etag, { form, after, most }))) return reply.send();
      const rows = await events.metrics(id, after, head);
      if (form === 'tensorboard') {
        reply.header('content-disposition', `attachment; filename="${id}-tensorboard.zip"`);
      }
      const content = renderMetrics(form, most === undefined ? rows : thin(rows, most), head.status);
      return reply
        .type(contentTypeOf(form))
        .send(typeof content === 'string' ? content : Buffer.from(content));
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

/** A text of its own for each form and query, since their bytes differ. */
function etagOf(
  etag: string,
  { form, after, most }: { form: MetricsForm; after: number; most: number | undefined },
): string {
  const parts = [
    ...(form === 'json' ? [] : [form]),
    ...(after === 0 ? [] : [`after-${after}`]),
    ...(most === undefined ? [] : [`max-${most}`]),
  ];
  return etag.replace(/"$/, `${parts.map((part) => `.${part}`).join('')}"`);
}

/** A row that was parsed has the same text again. */
const thin = (rows: readonly string[], most: number): string[] =>
  thinRows(parseRows(rows), most, ['loss', 'val_loss']).map((row) => JSON.stringify(row));

const METRICS = documented({
  operationId: 'getMetrics',
  tag: 'watching',
  access: 'reader',
  summary: "A job's metrics, one row per epoch",
  description:
    'Empty until the first epoch has ended. Other forms with `format`, or with `Accept: text/csv` or `application/x-ndjson`. Each form has an ETag: a client that polls with If-None-Match gets a 304 until the next event.',
  requestHeaders: { 'If-None-Match': IF_NONE_MATCH },
  responses: {
    200: {
      description: 'The rows.',
      headers: {
        ...CACHE_HEADERS,
        'Content-Disposition': {
          description: 'A name for the file; only with `format=tensorboard`.',
          schema: { type: 'string' },
        },
      },
      content: {
        'application/json': {
          schema: z.discriminatedUnion('object', [MetricsListSchema, MetricsColumnsSchema]),
          examples: {
            running: {
              summary: 'After one epoch',
              value: { object: 'list', data: [METRICS_ROW], status: 'running', terminal: false },
            },
            number: {
              summary: 'Of a job that predicts a number',
              value: { object: 'list', data: [NUMBER_METRICS_ROW], status: 'running', terminal: false },
            },
            columns: {
              summary: 'The same with `format=columns`',
              value: toColumns([METRICS_ROW], 'running'),
            },
          },
        },
        'application/x-ndjson': {
          schema: { type: 'string' },
          examples: {
            running: {
              summary: 'After one epoch',
              value: renderMetrics('ndjson', [JSON.stringify(METRICS_ROW)], 'running'),
            },
          },
        },
        'application/zip': { schema: { type: 'string', format: 'binary' } },
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
      examples: {
        small: { summary: 'Two classes, four rows', value: EVALUATION },
        number: { summary: 'A number, four rows', value: NUMBER_EVALUATION },
      },
    }),
    304: NOT_MODIFIED,
  },
  problems: [
    'job_not_found',
    'not_available_yet',
    'not_found',
    'job_unreadable',
    'store_unavailable',
    'file_unavailable',
  ],
});
