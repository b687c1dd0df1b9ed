import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { CheckpointListSchema } from '../../contract/checkpoints.ts';
import { scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { isUnchanged, sendJson } from '../http/conditional.ts';
import { jobNotFound, ProblemError } from '../http/problems.ts';
import { CheckpointPathSchema, JobPathSchema } from '../http/request-schemas.ts';
import { missingFile } from '../job-files.ts';
import { pathOfJob } from '../links.ts';
import { CHECKPOINT_LIST } from '../openapi/examples.ts';
import {
  CACHE_HEADERS,
  documented,
  IF_NONE_MATCH,
  json,
  NOT_MODIFIED,
} from '../openapi/route-documentation.ts';

/** The checkpoints that a job keeps: as a list, and each as a file. */
export function checkpointRoutes(app: FastifyInstance, deps: ApiDeps, done: () => void): void {
  const { store, artifacts, basePath } = deps;
  const routes = app.withTypeProvider<ZodTypeProvider>();

  routes.route({
    method: 'GET',
    url: '/jobs/:id/checkpoints',
    schema: { params: JobPathSchema },
    config: LIST,
    handler: async (request, reply) => {
      const { id } = request.params;
      const record = await store.recordIn(scopeOf(request), id);
      if (record === undefined) throw jobNotFound();
      const data = record.kept.map(({ epoch, sha256, bytes }) => ({
        object: 'checkpoint',
        epoch,
        sha256,
        bytes,
        links: { self: `${pathOfJob(basePath, id)}/checkpoints/${epoch}` },
      }));
      return sendJson(reply, JSON.stringify({ object: 'list', data, has_more: false }));
    },
  });

  routes.route({
    method: 'GET',
    url: '/jobs/:id/checkpoints/:epoch',
    schema: { params: CheckpointPathSchema },
    config: FILE,
    handler: async (request, reply) => {
      const { id, epoch } = request.params;
      const scope = scopeOf(request);
      const record = await store.recordIn(scope, id);
      if (record === undefined) throw jobNotFound();
      const kept = record.kept.find((file) => file.epoch === epoch);
      if (kept === undefined) {
        const epochs = record.kept.map((file) => file.epoch).join(', ') || 'none';
        throw new ProblemError(
          'not_found',
          `The job keeps no checkpoint of epoch ${epoch}. It keeps: ${epochs}.`,
        );
      }
      if (isUnchanged(request, reply, `"${kept.sha256}"`)) return reply.send();
      const { name, sha256 } = kept;
      const bytes = await artifacts.read(id, { name, sha256 });
      if (bytes === undefined) throw await missingFile(store, scope, id, name);
      return reply
        .type('application/octet-stream')
        .header('content-disposition', `attachment; filename="${id}-${epoch}.ckpt"`)
        .send(bytes);
    },
  });
  done();
}

const LIST = documented({
  operationId: 'listCheckpoints',
  tag: 'models',
  access: 'reader',
  summary: 'The checkpoints that a job keeps',
  description:
    'Which those are is said by `checkpoints` of its spec. While a job runs, they are those that it has kept so far; one that fails or is cancelled keeps those.',
  responses: {
    200: json('All of them, in the order of their epochs.', CheckpointListSchema, {
      examples: { last: { summary: 'The default: the last one', value: CHECKPOINT_LIST } },
    }),
  },
  problems: ['job_not_found', 'job_unreadable', 'store_unavailable'],
});

const FILE = documented({
  operationId: 'getCheckpoint',
  tag: 'models',
  access: 'reader',
  summary: 'A checkpoint as a file',
  description:
    "Weights, the optimizer's state and the history, in Descent's own format. For other tools, get the model instead.",
  requestHeaders: { 'If-None-Match': IF_NONE_MATCH },
  responses: {
    200: {
      description: 'The file.',
      headers: {
        ...CACHE_HEADERS,
        'Content-Disposition': { description: 'A name for the file.', schema: { type: 'string' } },
      },
      content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
    },
    304: NOT_MODIFIED,
  },
  problems: ['job_not_found', 'not_found', 'job_unreadable', 'store_unavailable', 'file_unavailable'],
});
