import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { MOST_BYTES, PredictionListSchema, PredictRequestSchema } from '../../contract/prediction.ts';
import { scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { sendJson } from '../http/conditional.ts';
import { refuseEncodedBody } from '../http/json-body.ts';
import { jobNotFound, ProblemError } from '../http/problems.ts';
import { JobPathSchema, PredictQuerySchema } from '../http/request-schemas.ts';
import { missingFile, modelOf } from '../job-files.ts';
import type { ModelRoom } from '../model-room.ts';
import { documented, json } from '../openapi/route-documentation.ts';

/** POST /jobs/{id}/predict: asks a finished model. Bodies are read in a thread, because they may be large pictures. */

/** null = the request had no body. */
const BodySchema = z.instanceof(Uint8Array).nullish();

export function predictRoute(
  app: FastifyInstance,
  deps: ApiDeps & { room: ModelRoom },
  done: () => void,
): void {
  const { store, models, artifacts, room } = deps;
  app.removeAllContentTypeParsers();
  const options = { parseAs: 'buffer', bodyLimit: MOST_BYTES } as const;
  app.addContentTypeParser('*', options, async ({ headers }: FastifyRequest, bytes: Buffer) => {
    refuseEncodedBody(headers['content-encoding']);
    return bytes;
  });
  app.withTypeProvider<ZodTypeProvider>().route({
    method: 'POST',
    url: '/jobs/:id/predict',
    bodyLimit: MOST_BYTES,
    schema: { params: JobPathSchema, querystring: PredictQuerySchema, body: BodySchema },
    config: PREDICT,
    handler: async (request, reply) => {
      const { id } = request.params;
      const record = await store.recordIn(scopeOf(request), id);
      if (record === undefined) throw jobNotFound();
      const model = modelOf(id, record, artifacts);
      const giveBack = room.take(record.parameters, model);
      const bytes = request.body ?? new Uint8Array();
      const answer = await models
        .predict({ model, bytes, type: mediaType(request), fit: request.query.fit })
        .finally(giveBack);
      // The time was up, and the client has been told.
      if (reply.sent) return reply;
      switch (answer.outcome) {
        case 'predicted':
          return sendJson(reply, answer.json);
        case 'missing':
          throw await missingFile(store, scopeOf(request), id, model.file.name);
        case 'refused':
          if (answer.code === 'media') throw new ProblemError('unsupported_media_type', answer.message);
          throw new ProblemError('validation_failed', answer.message, {
            errors: [{ in: 'body', pointer: '', detail: answer.message }],
          });
      }
    },
  });
  done();
}

const mediaType = ({ headers }: FastifyRequest): string =>
  (headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();

const binary = { type: 'string', format: 'binary' };

const PREDICT = documented({
  operationId: 'predict',
  tag: 'models',
  access: 'reader',
  summary: 'What the finished model says to new rows',
  description:
    'Takes up to 1,000 rows in the units of the dataset: as JSON or CSV of up to 256 KiB, as bytes or an IDX file of up to 1 MiB, or one picture as PNG. The exact engines give the same probabilities, bit for bit, as the evaluation of the job.',
  bodies: {
    'application/json': {
      schema: PredictRequestSchema,
      examples: {
        two: {
          summary: 'Two rows of four pixels',
          value: {
            inputs: [
              [0, 255, 255, 0],
              [9, 0, 0, 8],
            ],
          },
        },
      },
    },
    'text/csv': {
      schema: { type: 'string' },
      examples: { one: { summary: 'A row of four pixels', value: '0,255,255,0\n' } },
    },
    'application/octet-stream': { schema: binary },
    'image/png': { schema: binary },
  },
  responses: {
    200: json('The predictions.', PredictionListSchema, {
      examples: {
        one: {
          summary: 'One row, two classes',
          value: {
            object: 'list',
            data: [{ label: 'cat', class: 0, probability: 0.75, probabilities: [0.75, 0.25] }],
            classes: ['cat', 'dog'],
            weights_sha256: 'cc63486eb46b7d6f358a8ca7421c25a18d768fcaf29682c684c112c32cad6d41',
          },
        },
      },
    }),
  },
  problems: [
    'job_not_found',
    'not_available_yet',
    'not_found',
    'unsupported_media_type',
    'job_unreadable',
    'store_unavailable',
    'file_unavailable',
  ],
});
