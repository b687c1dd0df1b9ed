import type { FastifyInstance, FastifyReply } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { type Doctor, DoctorSchema, RATE_BORDERS } from '../../contract/doctor.ts';
import { EvaluationSchema } from '../../contract/evaluation.ts';
import { isTerminal } from '../../contract/job.ts';
import { MetricsColumnsSchema, MetricsListSchema } from '../../contract/metrics-list.ts';
import { StepColumnsSchema, StepListSchema } from '../../contract/step-row.ts';
import { parseRows } from '../../store/job-events.ts';
import type { JobRecord } from '../../store/job-record.ts';
import { scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { isUnchanged, sendJson } from '../http/conditional.ts';
import { negotiate } from '../http/negotiation.ts';
import { jobNotFound } from '../http/problems.ts';
import { JobPathSchema, MetricsQuerySchema } from '../http/request-schemas.ts';
import { inTurns } from '../in-turns.ts';
import { missingFile, notFinished } from '../job-files.ts';
import { readLog } from '../job-logs.ts';
import { contentTypeOf, type MetricsForm, renderMetrics, toColumns, toCsv } from '../metrics-forms.ts';
import { DOCTOR, METRICS_ROW, NUMBER_METRICS_ROW, STEP_ROW } from '../openapi/history-examples.ts';
import { EVALUATION, NUMBER_EVALUATION } from '../openapi/result-examples.ts';
import {
  CACHE_HEADERS,
  documented,
  IF_NONE_MATCH,
  json,
  NOT_MODIFIED,
} from '../openapi/route-documentation.ts';
import { renderSteps } from '../step-forms.ts';
import { thinRows } from '../thin-rows.ts';

/** What Accept may ask for; the other forms have a type that says too little. */
const NEGOTIABLE = {
  'application/json': 'json',
  'text/csv': 'csv',
  'application/x-ndjson': 'ndjson',
} as const;
const TYPES = ['application/json', 'text/csv', 'application/x-ndjson'] as const;

/** A job's metrics per epoch and per step, what the doctor says of it, and the evaluation of its finished model. */
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
      if (request.query.granularity === 'step') {
        const read = await readLog(deps, scopeOf(request), id, (state) =>
          isUnchanged(request, reply, etagOf(`"steps.${state}"`, { form, after, most })),
        );
        if (read === undefined) return reply.send();
        const rows = read.log.steps.filter(({ step }) => step > after);
        const shown = most === undefined ? rows : thinRows(rows, most, ['loss', 'gradient_norm']);
        return sendForm(reply, id, form, await inTurns(renderSteps(form, shown, stateOf(read.record))));
      }
      // The status is read first: the rows may then be newer than the status, but a terminal status never lacks rows.
      const head = await store.head(scopeOf(request), id);
      if (head === undefined) throw jobNotFound();
      if (isUnchanged(request, reply, etagOf(head.etag, { form, after, most }))) return reply.send();
      const rows = await events.metrics(id, after, head);
      const shown = most === undefined ? rows : thin(rows, most);
      return sendForm(reply, id, form, renderMetrics(form, shown, head.status));
    },
  });

  routes.route({
    method: 'GET',
    url: '/jobs/:id/doctor',
    schema: { params: JobPathSchema },
    config: EXAMINE,
    handler: async (request, reply) => {
      const read = await readLog(deps, scopeOf(request), request.params.id, (state) =>
        isUnchanged(request, reply, `"doctor.${state}"`),
      );
      if (read === undefined) return reply.send();
      const { steps: _steps, ...log } = read.log;
      const { status } = read.record;
      const doctor: Doctor = {
        object: 'doctor',
        status,
        terminal: isTerminal(status),
        rate_borders: [...RATE_BORDERS],
        epochs: [...log.epochs],
        effective_rates: log.effective_rates,
        verdicts: [...log.verdicts],
      };
      return sendJson(reply, JSON.stringify(doctor));
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

const stateOf = ({ status, created_at }: JobRecord) => ({ status, createdAtMs: created_at });

function sendForm(
  reply: FastifyReply,
  id: string,
  form: MetricsForm,
  content: string | Uint8Array,
): FastifyReply {
  if (form === 'tensorboard') {
    reply.header('content-disposition', `attachment; filename="${id}-tensorboard.zip"`);
  }
  return reply.type(contentTypeOf(form)).send(typeof content === 'string' ? content : Buffer.from(content));
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
  summary: "A job's metrics, one row per epoch or logged step",
  description:
    'Empty until the first epoch has ended; with `granularity=step`, until the first checkpoint or the end. Other forms with `format`, or with `Accept: text/csv` or `application/x-ndjson`. Each form has an ETag: a client that polls with If-None-Match gets a 304 until the next event.',
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
          schema: z.discriminatedUnion('object', [
            MetricsListSchema,
            MetricsColumnsSchema,
            StepListSchema,
            StepColumnsSchema,
          ]),
          examples: {
            running: {
              summary: 'After one epoch',
              value: { object: 'list', data: [METRICS_ROW], status: 'running', terminal: false },
            },
            number: {
              summary: 'Of a job that predicts a number',
              value: { object: 'list', data: [NUMBER_METRICS_ROW], status: 'running', terminal: false },
            },
            steps: {
              summary: 'Logged steps, with `granularity=step`',
              value: { object: 'steps', data: [STEP_ROW], status: 'running', terminal: false },
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
  problems: ['job_not_found', 'not_acceptable', 'job_unreadable', 'store_unavailable', 'file_unavailable'],
});

const EXAMINE = documented({
  operationId: 'getDoctor',
  tag: 'watching',
  access: 'reader',
  summary: 'What the training doctor sees: the health of each layer, and verdicts',
  description:
    'Gradients, sizes of steps and dead units of each layer and epoch, the effective rates of adaptive optimizers, and what follows from them and from the history. Each verdict is an event job.verdict, too. Empty until the first checkpoint or the end.',
  requestHeaders: { 'If-None-Match': IF_NONE_MATCH },
  responses: {
    200: json('What it sees.', DoctorSchema, {
      headers: CACHE_HEADERS,
      examples: { overfitting: { summary: 'Of a job that learns by heart', value: DOCTOR } },
    }),
    304: NOT_MODIFIED,
  },
  problems: ['job_not_found', 'job_unreadable', 'store_unavailable', 'file_unavailable'],
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
