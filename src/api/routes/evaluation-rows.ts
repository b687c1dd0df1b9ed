import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { z } from 'zod';
import type { DataShape } from '../../contract/data-shape.ts';
import { type EvaluationRows, EvaluationRowsSchema } from '../../contract/evaluation-rows.ts';
import { inUnit, targetInUnit } from '../../contract/in-unit.ts';
import type { EvaluatedRow, RowsOutcome } from '../../serving/model-task.ts';
import { scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { hasAlready, isUnchanged, sendJson } from '../http/conditional.ts';
import { jobNotFound, ProblemError } from '../http/problems.ts';
import { EvaluationRowsQuerySchema, JobPathSchema } from '../http/request-schemas.ts';
import { missingFile, modelOf } from '../job-files.ts';
import { pathOfJob } from '../links.ts';
import type { ModelRoom } from '../model-room.ts';
import { EVALUATION_ROWS } from '../openapi/result-examples.ts';
import {
  CACHE_HEADERS,
  type Documentation,
  documented,
  IF_NONE_MATCH,
  json,
  NOT_MODIFIED,
} from '../openapi/route-documentation.ts';

/** The test rows by what the model made of them, as a list and as a sheet of images. */

type Query = z.output<typeof EvaluationRowsQuerySchema>;
type Found = Extract<RowsOutcome, { outcome: 'found' }>;

interface Answer {
  readonly found: Found;
  readonly data: DataShape;
}

export function evaluationRowsRoutes(
  app: FastifyInstance,
  deps: ApiDeps & { room: ModelRoom },
  done: () => void,
): void {
  const { store, models, artifacts, room, dataDir, basePath } = deps;
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const schema = { params: JobPathSchema, querystring: EvaluationRowsQuerySchema };

  routes.route({
    method: 'GET',
    url: '/jobs/:id/evaluation/rows',
    schema,
    config: ROWS,
    handler: async (request, reply) => {
      const { id } = request.params;
      const answer = await find(request, reply, id, { ...request.query, images: false });
      if (answer === undefined) return reply;
      const path = `${pathOfJob(basePath, id)}/evaluation/rows`;
      return sendJson(reply, JSON.stringify(listOf(answer, path, request.query)));
    },
  });

  routes.route({
    method: 'GET',
    url: '/jobs/:id/evaluation/rows.png',
    schema,
    config: IMAGES,
    handler: async (request, reply) => {
      const answer = await find(request, reply, request.params.id, { ...request.query, images: true });
      if (answer === undefined) return reply;
      return reply.type('image/png').send(Buffer.from(answer.found.png!));
    },
  });

  /** @returns undefined when the reply is complete. */
  async function find(
    request: FastifyRequest,
    reply: FastifyReply,
    id: string,
    { actual, predicted, ...wanted }: Query & { images: boolean },
  ): Promise<Answer | undefined> {
    const record = await store.recordIn(scopeOf(request), id);
    if (record === undefined) throw jobNotFound();
    const model = modelOf(id, record, artifacts);
    const { image, dataset } = model.data;
    if (wanted.images && image === null)
      throw new ProblemError('not_found', `The rows of ${dataset} are no images. Ask for them without .png.`);
    const task = {
      model,
      dataDir,
      ...wanted,
      actual: classNumber('actual', actual, model.data),
      predicted: classNumber('predicted', predicted, model.data),
    };
    const key = JSON.stringify([model.file.sha256, basePath, wanted, task.actual, task.predicted]);
    const etag = `"${createHash('sha256').update(key).digest('base64url')}"`;
    if (hasAlready(request, etag)) {
      isUnchanged(request, reply, etag);
      reply.send();
      return undefined;
    }
    const giveBack = room.take(record.parameters, model);
    const answer = await models.evaluatedRows(task).finally(giveBack);
    // The time was up, and the client has been told.
    if (reply.sent) return undefined;
    switch (answer.outcome) {
      case 'found':
        if (wanted.images && answer.png === undefined) {
          throw new ProblemError('not_found', 'No test row is like that. Ask for others.');
        }
        isUnchanged(request, reply, etag);
        return { found: answer, data: model.data };
      case 'missing':
        throw await missingFile(store, scopeOf(request), id, model.file.name);
      case 'not_kept':
        throw new ProblemError(
          'not_found',
          'The job finished under an earlier version, which did not keep what the model chose for each row. Train it again.',
        );
      case 'no_dataset':
        throw new ProblemError(
          'not_found',
          `The rows of the dataset ${model.data.dataset} are not here any more.`,
        );
    }
  }
  done();
}

function classNumber(name: string, label: string | undefined, { classes }: DataShape) {
  if (label === undefined) return undefined;
  const number = classes?.indexOf(label) ?? -1;
  if (number >= 0) return number;
  const detail =
    classes === null
      ? 'is for models that predict classes, and this one predicts a number; leave it away'
      : `is no class of the dataset; its classes are ${classes.slice(0, 20).join(', ')}${classes.length > 20 ? ' and others' : ''}`;
  throw new ProblemError('validation_failed', `${name} ${detail}.`, {
    errors: [{ in: 'query', pointer: `/${name}`, detail }],
  });
}

function listOf({ found, data }: Answer, path: string, query: Query): EvaluationRows {
  const { rows, total, hasMore } = found;
  const text = (changes: Partial<Query> = {}) => {
    const given = Object.entries({ ...query, ...changes }).filter(([, value]) => value !== undefined);
    return String(new URLSearchParams(Object.fromEntries(given.map(([name, value]) => [name, `${value}`]))));
  };
  return {
    object: 'list',
    data: rows.map((row) => described(row, data)),
    total,
    next: hasMore ? `${path}?${text({ from: rows.at(-1)!.index + 1 })}` : null,
    links: {
      self: `${path}?${text()}`,
      images: data.image === null ? null : `${path}.png?${text()}`,
    },
  };
}

function described({ index, actual, predicted }: EvaluatedRow, { classes, target }: DataShape) {
  return classes === null
    ? { index, actual: targetInUnit(actual, target!), predicted: inUnit(predicted, target!) }
    : { index, actual: classes[actual]!, predicted: classes[predicted]! };
}

const SHARED = {
  tag: 'watching',
  access: 'reader',
  requestHeaders: { 'If-None-Match': IF_NONE_MATCH },
  problems: [
    'job_not_found',
    'not_available_yet',
    'not_found',
    'job_unreadable',
    'store_unavailable',
    'file_unavailable',
  ],
} satisfies Partial<Documentation>;

const ROWS = documented({
  ...SHARED,
  operationId: 'listEvaluationRows',
  summary: 'Test rows by their true class and the one that the finished model chose',
  description:
    'With `actual` and `predicted`, the rows of a cell of the confusion matrix. Of a model that predicts a number: all rows, each with its number and the one predicted, in the unit of the data. Jobs that finished under an earlier version have kept no predictions (404).',
  responses: {
    200: json('The rows.', EvaluationRowsSchema, {
      headers: CACHE_HEADERS,
      examples: { nines: { summary: 'Fours that were taken for nines', value: EVALUATION_ROWS } },
    }),
    304: NOT_MODIFIED,
  },
});

const IMAGES = documented({
  ...SHARED,
  operationId: 'getEvaluationImages',
  summary: 'The images of these rows, as one PNG',
  description:
    'In the order of the list, line by line, on a square sheet. 404 if there is none. Small images are enlarged.',
  responses: {
    200: {
      description: 'The sheet.',
      headers: CACHE_HEADERS,
      content: { 'image/png': { schema: { type: 'string', format: 'binary' } } },
    },
    304: NOT_MODIFIED,
  },
});
