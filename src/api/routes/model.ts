import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import parseRange from 'range-parser';
import type { ModelFileFormat, Preprocessing, TensorLayout } from '../../contract/model-export.ts';
import type { JobRecord } from '../../store/job-record.ts';
import { Recent } from '../../store/recent.ts';
import { scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { hasAlready, isUnchanged } from '../http/conditional.ts';
import { jobNotFound, ProblemError } from '../http/problems.ts';
import { JobPathSchema, ModelQuerySchema, TfjsQuerySchema } from '../http/request-schemas.ts';
import { missingFile, modelOf } from '../job-files.ts';
import type { ModelRoom } from '../model-room.ts';
import {
  CACHE_HEADERS,
  documented,
  type HeaderDoc,
  IF_NONE_MATCH,
  NOT_MODIFIED,
} from '../openapi/route-documentation.ts';

/** A finished job's model, in the form that the caller's tool opens. */

const TYPES: Record<ModelFileFormat, string> = {
  safetensors: 'application/octet-stream',
  onnx: 'application/octet-stream',
  keras: 'application/octet-stream',
  'weights.h5': 'application/octet-stream',
  json: 'application/json; charset=utf-8',
  'tfjs-model': 'application/json; charset=utf-8',
  'tfjs-weights': 'application/octet-stream',
};

/** As text, a number takes four times its bytes, and nobody reads more of them. */
const MOST_PARAMETERS_AS_TEXT = 2_000_000;

/** A large model takes seconds. */
const TIMEOUT_MS = 60_000;

/** ETags that are known without writing the file again. */
const MOST_KNOWN = 10_000;

interface Wanted {
  format: ModelFileFormat;
  layout: TensorLayout;
  preprocessing: Preprocessing;
}

export function modelRoutes(
  app: FastifyInstance,
  deps: ApiDeps & { room: ModelRoom },
  done: () => void,
): void {
  const { store, models, artifacts, room } = deps;
  const routes = app.withTypeProvider<ZodTypeProvider>();
  /** By the SHA-256 of the model's file and what was wanted. */
  const etags = new Recent<string>(MOST_KNOWN);

  routes.route({
    method: 'GET',
    url: '/jobs/:id/model',
    handlerTimeout: TIMEOUT_MS,
    schema: { params: JobPathSchema, querystring: ModelQuerySchema },
    config: MODEL,
    handler: async (request, reply) => await send(request, reply, request.params.id, request.query),
  });

  for (const format of ['tfjs-model', 'tfjs-weights'] as const) {
    routes.route({
      method: 'GET',
      url: `/jobs/:id/model/tfjs/${format === 'tfjs-model' ? 'model.json' : 'weights.bin'}`,
      handlerTimeout: TIMEOUT_MS,
      schema: { params: JobPathSchema, querystring: TfjsQuerySchema },
      config: documentationOfTfjs(format),
      handler: async (request, reply) => {
        const { preprocessing } = request.query;
        return await send(request, reply, request.params.id, { format, layout: 'keras', preprocessing });
      },
    });
  }

  async function send(request: FastifyRequest, reply: FastifyReply, id: string, wanted: Wanted) {
    const record = await store.recordIn(scopeOf(request), id);
    if (record === undefined) throw jobNotFound();
    const model = modelOf(id, record, artifacts);
    refuseLongText(record, wanted);
    const key = [model.file.sha256, ...Object.values(wanted)].join(' ');
    const known = etags.get(key);
    if (known !== undefined && hasAlready(request, known)) {
      isUnchanged(request, reply, known);
      return reply.send();
    }
    const giveBack = room.take(record.parameters, model);
    const exported = await models.export({ model, ...wanted }).finally(() => {
      // A client that reads slowly keeps the bytes in memory; one that has gone away does not stop the thread.
      if (reply.raw.closed) giveBack();
      else reply.raw.once('close', giveBack);
    });
    // The time was up, and the client has been told.
    if (reply.sent) return reply;
    if (exported === undefined) throw await missingFile(store, scopeOf(request), id, model.file.name);
    const etag = `"${exported.sha256}"`;
    etags.add(key, etag);
    if (isUnchanged(request, reply, etag)) return reply.send();
    reply
      .type(TYPES[wanted.format])
      .header('content-disposition', `attachment; filename="${fileName(id, record, wanted)}"`);
    return sendRange(request, reply, exported.content, etag);
  }
  done();
}

function refuseLongText({ parameters }: JobRecord, { format }: Wanted): void {
  if (format !== 'json' || parameters <= MOST_PARAMETERS_AS_TEXT) return;
  throw new ProblemError(
    'validation_failed',
    `This model has ${parameters} parameters, and json takes at most ${MOST_PARAMETERS_AS_TEXT}. Use another format.`,
  );
}

/** Of the job's name, or what was trained how, and the end of its id: `mnist-rmsprop-8RQN2F.onnx`. */
function fileName(id: string, { spec }: JobRecord, { format, layout, preprocessing }: Wanted): string {
  if (format === 'tfjs-model') return 'model.json';
  if (format === 'tfjs-weights') return 'weights.bin';
  const words = (spec.name ?? `${spec.dataset} ${spec.optimizer.type}`)
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 60);
  const variant = [
    ...(format === 'safetensors' && layout === 'torch' ? ['torch'] : []),
    ...(preprocessing === 'scaled' && format !== 'safetensors' && format !== 'json' ? ['scaled'] : []),
  ];
  return `${[words || 'model', id.slice(-6), ...variant].join('-')}.${format}`;
}

/** Sends all of it, or the one range that was asked for (RFC 9110, 14). */
function sendRange(
  request: FastifyRequest,
  reply: FastifyReply,
  content: Uint8Array,
  etag: string,
): FastifyReply {
  reply.header('accept-ranges', 'bytes');
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const { range, 'if-range': ifRange } = request.headers;
  if (range === undefined || request.method !== 'GET' || (ifRange !== undefined && ifRange !== etag)) {
    return reply.send(bytes);
  }
  const ranges = parseRange(bytes.length, range);
  if (ranges === -1) {
    throw new ProblemError(
      'range_not_satisfiable',
      `The file has ${bytes.length} bytes; the range begins after its end.`,
      { headers: { 'content-range': `bytes */${bytes.length}` } },
    );
  }
  // A malformed range, another unit, and several ranges may be ignored.
  if (ranges === -2 || ranges.type !== 'bytes' || ranges.length !== 1) return reply.send(bytes);
  const { start, end } = ranges[0]!;
  return reply
    .code(206)
    .header('content-range', `bytes ${start}-${end}/${bytes.length}`)
    .send(bytes.subarray(start, end + 1));
}

const RANGE: HeaderDoc = {
  description: 'One range of bytes: the answer is then 206. Several ranges get the whole file.',
  schema: { type: 'string' },
};

const FILE_HEADERS: Record<string, HeaderDoc> = {
  ...CACHE_HEADERS,
  'Content-Disposition': { description: 'A name for the file.', schema: { type: 'string' } },
  'Accept-Ranges': { description: 'bytes', schema: { type: 'string' } },
};

const BINARY = { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } };
const JSON_OBJECT = { 'application/json': { schema: { type: 'object' } } };

const responsesOf = (
  content: NonNullable<Parameters<typeof documented>[0]['responses'][number]['content']>,
) => ({
  200: { description: 'The file. The same job always gives the same bytes.', headers: FILE_HEADERS, content },
  206: {
    description: 'The range that was asked for.',
    headers: {
      ...FILE_HEADERS,
      'Content-Range': { description: 'The range, and the size of the file.', schema: { type: 'string' } },
    },
    content,
  },
  304: NOT_MODIFIED,
});

const PROBLEMS = [
  'job_not_found',
  'not_available_yet',
  'not_found',
  'range_not_satisfiable',
  'job_unreadable',
  'store_unavailable',
  'file_unavailable',
] as const;

const HEADERS = { 'If-None-Match': IF_NONE_MATCH, Range: RANGE };

const MODEL = documented({
  operationId: 'getModel',
  tag: 'models',
  access: 'reader',
  summary: 'The finished model, in the format that your tool opens',
  description:
    'No format alters the weights. By default (`preprocessing=raw`) an ONNX, Keras or TensorFlow.js model takes the bytes of the dataset, 0 to 255, or the numbers of an uploaded table in their own units, and scales them itself (a text column is an input for each of its values: 1 where a row has it, else 0), and one that predicts a number gives it in the unit of the dataset; safetensors, weights.h5 and json have no operations, so their weights take scaled values and give standardised numbers, and name the scales where the format has room for it. With `preprocessing=scaled`, Keras goes on training just as the job did, towards standardised numbers. TensorFlow.js reads two files: see `/jobs/{id}/model/tfjs/model.json`.',
  requestHeaders: HEADERS,
  responses: responsesOf({ ...BINARY, ...JSON_OBJECT }),
  problems: PROBLEMS,
});

const documentationOfTfjs = (format: 'tfjs-model' | 'tfjs-weights') =>
  documented({
    operationId: format === 'tfjs-model' ? 'getTfjsModel' : 'getTfjsWeights',
    tag: 'models',
    access: 'reader',
    summary:
      format === 'tfjs-model'
        ? 'The finished model for TensorFlow.js: the URL for `tf.loadLayersModel`'
        : 'The weights that model.json names',
    requestHeaders: HEADERS,
    responses: responsesOf(format === 'tfjs-model' ? JSON_OBJECT : BINARY),
    problems: PROBLEMS,
  });
