import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { DataShape } from '../../contract/data-shape.ts';
import { DatasetDetailSchema, DatasetListSchema, DatasetRowsSchema } from '../../contract/dataset.ts';
import { BUILT_IN_DATASETS } from '../../contract/job-spec.ts';
import { uploadProblem } from '../../dataset/availability.ts';
import { builtIn, DATASETS } from '../../dataset/registry.ts';
import { UploadedFiles } from '../../dataset/uploads.ts';
import { callerOf } from '../access/caller.ts';
import { datasetNotFound } from '../data-of-name.ts';
import { builtInDetail, builtInView, detailOf, NO_DESCRIPTION, ownView } from '../dataset-views.ts';
import type { ApiDeps } from '../deps.ts';
import { isUnchanged, sendJson } from '../http/conditional.ts';
import { ProblemError } from '../http/problems.ts';
import {
  DatasetImagePathSchema,
  DatasetPathSchema,
  DatasetQuerySchema,
  DatasetRowsQuerySchema,
} from '../http/request-schemas.ts';
import { IRIS_DETAIL, IRIS_ROWS } from '../openapi/dataset-examples.ts';
import {
  CACHE_HEADERS,
  documented,
  IF_NONE_MATCH,
  json,
  NOT_MODIFIED,
} from '../openapi/route-documentation.ts';

/** Lists, shows and deletes datasets, built-in and uploaded. */
export function datasetRoutes(app: FastifyInstance, deps: ApiDeps, done: () => void): void {
  const { datasets, dataDir, models } = deps;
  const files = new UploadedFiles(dataDir);
  const routes = app.withTypeProvider<ZodTypeProvider>();

  /** What the name means to the caller. @throws {ProblemError} */
  async function shapeOf(name: string, owner: string | undefined): Promise<DataShape> {
    const entry = builtIn(name);
    if (entry !== undefined) return entry.shape;
    const own = owner === undefined ? undefined : await datasets.find(owner, name);
    if (own === undefined) throw datasetNotFound(name);
    return own.shape;
  }

  routes.route({
    method: 'GET',
    url: '/datasets',
    schema: { querystring: DatasetQuerySchema },
    config: LIST,
    handler: async (request) => {
      const owner = ownerOf(request);
      const own = owner === undefined ? [] : await datasets.list(owner);
      const data = await Promise.all([
        ...BUILT_IN_DATASETS.map((name) => builtInView(name, DATASETS[name], dataDir)),
        ...own.map((dataset) => ownView(dataset, dataDir)),
      ]);
      return { object: 'list' as const, data, has_more: false as const };
    },
  });

  routes.route({
    method: 'GET',
    url: '/datasets/:name',
    schema: { params: DatasetPathSchema, querystring: DatasetQuerySchema },
    config: GET,
    handler: async (request, reply) => {
      const { name } = request.params;
      const known = BUILT_IN_DATASETS.find((each) => each === name);
      if (known !== undefined) return builtInDetail(await builtInView(known, DATASETS[known], dataDir));
      const owner = ownerOf(request);
      const own = owner === undefined ? undefined : await datasets.find(owner, name);
      if (own === undefined) throw datasetNotFound(name);
      const description = await files.description(own.shape.sha256);
      const problem = await uploadProblem(own.shape, dataDir);
      return sendJson(reply, detailOf(own, description ?? JSON.stringify(NO_DESCRIPTION), problem));
    },
  });

  routes.route({
    method: 'GET',
    url: '/datasets/:name/rows',
    schema: { params: DatasetPathSchema, querystring: DatasetRowsQuerySchema },
    config: ROWS,
    handler: async (request, reply) => {
      const { name } = request.params;
      const { split, after, limit } = request.query;
      const data = await shapeOf(name, ownerOf(request));
      const rows = await models.datasetRows({
        data,
        dataDir,
        split,
        from: after === undefined ? 0 : after + 1,
        limit,
      });
      if (rows === undefined) throw rowsGone(name);
      return sendJson(reply, rows);
    },
  });

  routes.route({
    method: 'GET',
    url: '/datasets/:name/rows/:split/:index.png',
    schema: { params: DatasetImagePathSchema, querystring: DatasetQuerySchema },
    config: IMAGE,
    handler: async (request, reply) => {
      const { name, split, index } = request.params;
      const shape = await shapeOf(name, ownerOf(request));
      if (shape.image === null) {
        throw new ProblemError(
          'not_found',
          `The rows of ${name} are no images, but ${shape.inputs} numbers each.`,
        );
      }
      if (index >= shape.rows[split]) {
        throw new ProblemError(
          'not_found',
          `The dataset ${name} has ${shape.rows[split]} ${split} rows: 0 to ${shape.rows[split] - 1}.`,
        );
      }
      // The rows of a dataset never change: their hash says which they are.
      const etag = `"${shape.sha256.slice(0, 32)}.${split}.${index}"`;
      if (isUnchanged(request, reply, etag)) return reply.send();
      const png = await models.datasetImage({ data: shape, dataDir, split, index });
      if (png === undefined) throw rowsGone(name);
      return reply.type('image/png').send(Buffer.from(png));
    },
  });

  routes.route({
    method: 'DELETE',
    url: '/datasets/:name',
    schema: { params: DatasetPathSchema, querystring: DatasetQuerySchema },
    config: REMOVE,
    handler: async (request, reply) => {
      const { name } = request.params;
      if (builtIn(name) !== undefined) {
        throw new ProblemError('dataset_in_use', `${name} is a built-in dataset, which cannot be deleted.`);
      }
      const owner = ownerOf(request);
      const drop = owner === undefined ? undefined : await datasets.drop(owner, name);
      if (drop === undefined || drop.outcome === 'not_found') throw datasetNotFound(name);
      if (drop.outcome === 'needed') {
        throw new ProblemError(
          'dataset_in_use',
          `Jobs that have not ended need ${name}: ${drop.jobs.join(', ')}. Cancel them, or wait for their end.`,
        );
      }
      request.log.info({ dataset: name, owner }, 'dataset deleted');
      if (!drop.shared) await files.remove(drop.sha256);
      return reply.code(204).send();
    },
  });
  done();
}

/** Whose datasets the request is about; undefined = of somebody whose the caller may not see. */
function ownerOf(
  request: FastifyRequest<{ Querystring: { owner?: string | undefined } }>,
): string | undefined {
  const { owner, role } = callerOf(request);
  const asked = request.query.owner ?? owner;
  return role === 'admin' || asked === owner ? asked : undefined;
}

const rowsGone = (name: string): ProblemError =>
  new ProblemError('not_found', `The rows of ${name} are not here. GET /datasets says why.`);

const LIST = documented({
  operationId: 'listDatasets',
  tag: 'datasets',
  access: 'reader',
  summary: 'The datasets, built-in and your own: names, sizes, classes, hashes',
  responses: { 200: json('All datasets.', DatasetListSchema) },
  problems: ['store_unavailable'],
});

const GET = documented({
  operationId: 'getDataset',
  tag: 'datasets',
  access: 'reader',
  summary: 'A dataset: how it was read, its columns and classes',
  responses: {
    200: json('The dataset.', DatasetDetailSchema, {
      examples: { iris: { summary: 'A table', value: IRIS_DETAIL } },
    }),
  },
  problems: ['dataset_not_found', 'store_unavailable'],
});

const ROWS = documented({
  operationId: 'listDatasetRows',
  tag: 'datasets',
  access: 'reader',
  summary: 'Rows of a dataset, in its own units',
  responses: {
    200: json('A page of rows.', DatasetRowsSchema, {
      examples: { iris: { summary: 'Of a table', value: IRIS_ROWS } },
    }),
  },
  problems: ['dataset_not_found', 'not_found', 'overloaded', 'store_unavailable'],
});

const IMAGE = documented({
  operationId: 'getDatasetImage',
  tag: 'datasets',
  access: 'reader',
  summary: 'The image of a row of a dataset, as PNG',
  responses: {
    200: {
      description: 'The image, pixel by pixel.',
      headers: CACHE_HEADERS,
      content: { 'image/png': { schema: { type: 'string', format: 'binary' } } },
    },
    304: NOT_MODIFIED,
  },
  problems: ['dataset_not_found', 'not_found', 'overloaded', 'store_unavailable'],
  requestHeaders: { 'If-None-Match': IF_NONE_MATCH },
});

const REMOVE = documented({
  operationId: 'deleteDataset',
  tag: 'datasets',
  access: 'writer',
  summary: 'Delete an uploaded dataset',
  description:
    'A dataset that a job needs which has not ended stays: 409. Finished jobs keep their results and models; what needs the rows themselves, such as the images of mistakes, is gone.',
  responses: { 204: { description: 'Deleted.' } },
  problems: ['dataset_not_found', 'dataset_in_use', 'store_unavailable', 'store_read_only', 'storage_full'],
});
