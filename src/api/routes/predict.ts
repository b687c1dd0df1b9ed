import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { JobStatus } from '../../contract/job.ts';
import {
  type CheckpointChoice,
  MOST_BYTES,
  PredictionListSchema,
  PredictRequestSchema,
} from '../../contract/prediction.ts';
import type { PredictOutcome } from '../../serving/model-task.ts';
import type { JobRecord } from '../../store/job-record.ts';
import { scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { sendJson } from '../http/conditional.ts';
import { refuseEncodedBody } from '../http/json-body.ts';
import { jobNotFound, ProblemError } from '../http/problems.ts';
import { JobPathSchema, PredictQuerySchema } from '../http/request-schemas.ts';
import { epochModelOf, latestModelOf, missingFile, modelOf } from '../job-files.ts';
import type { ModelRoom } from '../model-room.ts';
import { documented, json } from '../openapi/route-documentation.ts';

/**
 * POST /jobs/{id}/predict: asks a finished model, one that still trains, or one of an earlier epoch. Bodies are read in a
 * thread, because they may be large pictures.
 */

/** How often another checkpoint is tried after a checkpoint that cannot be read. */
const MOST_REPEATS = 2;

/** null = the request had no body. */
const BodySchema = z.instanceof(Uint8Array).nullish();

export function predictRoute(
  app: FastifyInstance,
  deps: ApiDeps & { room: ModelRoom },
  done: () => void,
): void {
  const { store, models, artifacts, room, dataDir } = deps;
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
      const { fit, checkpoint } = request.query;
      const sent = { bytes: request.body ?? new Uint8Array(), type: mediaType(request), fit };
      const unread = new Set<string>();
      let giveBack: (() => void) | undefined;
      try {
        for (;;) {
          const record = await store.recordIn(scopeOf(request), id);
          if (record === undefined) throw jobNotFound();
          const asked =
            checkpoint === undefined
              ? ({ kind: 'final', model: modelOf(id, record, artifacts) } as const)
              : checkpoint === 'latest'
                ? latestModelOf(id, record, artifacts, unread)
                : epochModelOf(id, record, artifacts, checkpoint);
          if (asked === undefined || (asked.kind === 'so_far' && unread.size > MOST_REPEATS)) {
            if (unread.size > 0) request.log.warn({ job: id }, 'no checkpoint of the job could be read');
            throw noCheckpoint(record.status, unread.size > 0);
          }
          if (asked.kind === 'epoch' && unread.has(asked.model.file.sha256)) throw unreadable(checkpoint);
          giveBack ??= room.take(record.parameters, record);
          const answer = await models.predict({ ...asked, ...sent, dataDir });
          // The time was up, and the client has been told.
          if (reply.sent) return reply;
          if (answer.outcome === 'predicted') return sendJson(reply, answer.json);
          if (answer.outcome === 'refused') throw refusal(answer);
          if (answer.outcome === 'no_dataset') throw noDataset(record);
          const { name, sha256 } = asked.model.file;
          if (asked.kind === 'final') throw await missingFile(store, scopeOf(request), id, name);
          // A newer one may have replaced it since the record was read, or the job has ended.
          unread.add(sha256);
        }
      } finally {
        giveBack?.();
      }
    },
  });
  done();
}

function refusal({ code, message }: Extract<PredictOutcome, { outcome: 'refused' }>): ProblemError {
  if (code === 'media') return new ProblemError('unsupported_media_type', message);
  return new ProblemError('validation_failed', message, {
    errors: [{ in: 'body', pointer: '', detail: message }],
  });
}

function noCheckpoint(status: JobStatus, isUnreadable: boolean): ProblemError {
  const why = isUnreadable
    ? `The job is ${status}, and its last checkpoints cannot be read. Retry after its next epochs,`
    : `The job is ${status} and has no checkpoint yet. The first is written at the end of an epoch, after two seconds of training or more. Retry then,`;
  return new ProblemError('no_checkpoint', `${why} or when the job has succeeded.`);
}

const unreadable = (epoch: CheckpointChoice | undefined): ProblemError =>
  new ProblemError(
    'no_checkpoint',
    `The checkpoint of epoch ${epoch} is missing or damaged, or another version of the engines wrote it. Ask for another epoch.`,
  );

const noDataset = ({ spec, status }: JobRecord): ProblemError =>
  new ProblemError(
    'no_checkpoint',
    `The job is ${status}, and its dataset ${spec.dataset} has been deleted, so nothing says how its rows are read. Upload the same file again.`,
  );

const mediaType = ({ headers }: FastifyRequest): string =>
  (headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();

const binary = { type: 'string', format: 'binary' };

const PREDICT = documented({
  operationId: 'predict',
  tag: 'models',
  access: 'reader',
  summary: 'What the model says to new rows',
  description:
    'Takes up to 1,000 rows in the units of the dataset: as JSON or CSV of up to 256 KiB, as bytes or an IDX file of up to 1 MiB, or one picture as PNG. The exact engines give the same probabilities, bit for bit, as the evaluation of the job. A model that predicts a number answers in the unit of the data. With `checkpoint=latest` a job that has not ended answers with its newest checkpoint, which a job of so many epochs would have as its final model; before the first checkpoint, that is a 409. With the number of an epoch it answers with the weights after that epoch, from a checkpoint that the job keeps (`GET /jobs/{id}/checkpoints`) or would resume from, also if the job has ended without a model; of the last epoch, they are those of the model. Where `restore_best_weights` gives the model the weights of the best epoch, `latest` has those of the best epoch so far, and a number those of that very epoch.',
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
            task: 'classification',
            data: [{ label: 'cat', class: 0, probability: 0.75, probabilities: [0.75, 0.25] }],
            classes: ['cat', 'dog'],
            epoch: 10,
            weights_sha256: 'cc63486eb46b7d6f358a8ca7421c25a18d768fcaf29682c684c112c32cad6d41',
          },
        },
        number: {
          summary: 'One row, a number',
          value: {
            object: 'list',
            task: 'regression',
            data: [{ value: 21.5 }],
            epoch: 60,
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
    'no_checkpoint',
    'unsupported_media_type',
    'job_unreadable',
    'store_unavailable',
    'file_unavailable',
  ],
});
