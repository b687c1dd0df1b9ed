import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { DATASET_FORMATS, DatasetDetailSchema, type DatasetFormat } from '../../contract/dataset.ts';
import { FORMATS, formatOfType } from '../../dataset/reading/formats.ts';
import { builtIn } from '../../dataset/registry.ts';
import { callerOf } from '../access/caller.ts';
import type { DatasetUploads, TakenUpload } from '../dataset-uploads.ts';
import { detailOf } from '../dataset-views.ts';
import type { ApiDeps } from '../deps.ts';
import { sendJson } from '../http/conditional.ts';
import { UNCOUNTED } from '../http/in-flight.ts';
import { refuseEncodedBody } from '../http/json-body.ts';
import { invalidFields, ProblemError } from '../http/problems.ts';
import { parseQuery } from '../http/query.ts';
import { DatasetPathSchema, UploadQuerySchema } from '../http/request-schemas.ts';
import { fieldErrors } from '../http/validation-errors.ts';
import { pathOfDataset } from '../links.ts';
import { IRIS_DETAIL } from '../openapi/dataset-examples.ts';
import { documented, json } from '../openapi/route-documentation.ts';
import { requireSaved } from '../saved.ts';
import { tooLarge } from '../upload-problems.ts';

/** PUT /datasets/{name}: the body is the file. */

const MAY_BE_LOST =
  'the dataset to its disk, so it exists but may be lost. Send the file again when /readyz answers 200.';

/** undefined = the request had no body. */
const BodySchema = z.instanceof(Readable).nullish();

type UploadDeps = ApiDeps & { uploads: DatasetUploads; handlerTimeoutMs: number };

export function uploadDatasetRoute(app: FastifyInstance, deps: UploadDeps, done: () => void): void {
  const { store, basePath, uploads, uploadLimits } = deps;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request: FastifyRequest, body: Readable, parsed) => parsed(null, body));
  app.withTypeProvider<ZodTypeProvider>().route({
    method: 'PUT',
    url: '/datasets/:name',
    schema: { params: DatasetPathSchema, querystring: UploadQuerySchema, body: BodySchema },
    // Uploads have a limit of their own: they take long, but little work of this process.
    config: { ...UPLOAD, ...UNCOUNTED },
    handlerTimeout: deps.handlerTimeoutMs,
    handler: async (request, reply) => {
      const { name } = request.params;
      const { body, headers } = request;
      refuseEncodedBody(headers['content-encoding']);
      const format = formatOf(request.query.format, headers['content-type']);
      const options = optionsOf(request.url, format);
      if (builtIn(name) !== undefined) {
        throw new ProblemError('dataset_exists', `${name} is a built-in dataset. Choose another name.`);
      }
      if (body === undefined || body === null)
        throw invalidFields([{ in: 'body', pointer: '', detail: 'must be the file; it is empty' }]);
      if (Number(headers['content-length'] ?? 0) > uploadLimits.bodyBytes)
        throw tooLarge(uploadLimits.bodyBytes);
      const { owner } = callerOf(request);
      const isDryRun = request.query.dry_run === 'true';
      const taken = await uploads.take({
        owner,
        name,
        format,
        options,
        body,
        isDryRun,
        response: reply.raw,
      });
      if (!isDryRun) {
        logTaken(request, owner, taken);
        await requireSaved(store, MAY_BE_LOST);
      }
      if (!isDryRun) reply.header('location', pathOfDataset(basePath, name));
      return sendJson(reply.code(taken.created ? 201 : 200), detailOf(taken.dataset, taken.description));
    },
  });
  done();
}

function logTaken(request: FastifyRequest, owner: string, { dataset, created }: TakenUpload): void {
  const { name, bytes, shape } = dataset;
  request.log.info(
    { dataset: name, owner, bytes, sha256: shape.sha256 },
    created ? 'dataset uploaded' : 'dataset uploaded again with the same content',
  );
}

/** @throws {ProblemError} unsupported_media_type */
function formatOf(asked: DatasetFormat | undefined, type = ''): DatasetFormat {
  const found = asked ?? formatOfType(type.split(';')[0]!.trim().toLowerCase());
  if (found !== undefined) return found;
  throw new ProblemError(
    'unsupported_media_type',
    `Say what the file is: add ?format= with one of ${DATASET_FORMATS.join(', ')}. (Without it, Content-Type may be text/csv or application/vnd.apache.parquet.)`,
  );
}

/**
 * The options as they were sent, which are all that the format takes.
 * @throws {ProblemError} validation_failed
 */
function optionsOf(url: string, format: DatasetFormat): Record<string, unknown> {
  const { format: _, dry_run: __, ...given } = parseQuery(url.split('?')[1] ?? '');
  const { options } = FORMATS[format];
  const [first] = options;
  const results = options.map((schema) => schema.safeParse(given));
  if (results.some(({ success }) => success)) return given;
  const schema = z.toJSONSchema(first, { io: 'input', unrepresentable: 'any' });
  throw invalidFields(fieldErrors('query', schema as object, results[0]!.error!.issues, given));
}

const binary = { schema: { type: 'string', format: 'binary' } };

const UPLOAD = documented({
  operationId: 'putDataset',
  tag: 'datasets',
  access: 'writer',
  summary: 'Upload a dataset',
  description:
    'The body is the file as it is: CSV, NPZ, a ZIP archive of IDX files or pictures, or Parquet. The answer shows how it was read: every option with its default, columns, classes, and notes on what was filled in or left out. The same content again changes nothing and gets a 200; other content under a name that you have gets a 409. Which options a format takes: docs/data.md.',
  bodies: {
    'text/csv': {
      schema: { type: 'string' },
      examples: { iris: { summary: 'The head of a table', value: 'length,width,species\n5.1,3.5,setosa\n' } },
    },
    'application/vnd.apache.parquet': binary,
    'application/octet-stream': binary,
  },
  responses: {
    200: json(
      'You have it with the same content; or, with `dry_run`, what would be made.',
      DatasetDetailSchema,
      {
        examples: { iris: { summary: 'A table', value: IRIS_DETAIL } },
        headers: {
          Location: { description: 'The dataset; not with `dry_run`.', schema: { type: 'string' } },
        },
      },
    ),
    201: json('Uploaded.', DatasetDetailSchema, {
      examples: { iris: { summary: 'A table', value: IRIS_DETAIL } },
      headers: { Location: { description: 'The dataset.', schema: { type: 'string' }, required: true } },
    }),
  },
  problems: [
    'not_found',
    'dataset_exists',
    'payload_too_large',
    'unsupported_media_type',
    'dataset_refused',
    'quota_exceeded',
    'datasets_full',
    'overloaded',
    'store_unavailable',
    'store_read_only',
    'storage_full',
  ],
});
