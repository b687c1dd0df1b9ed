import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { JobEventListSchema } from '../../contract/job-event.ts';
import { callerOf, scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { type EventStreams, isOver } from '../event-streams.ts';
import { isUnchanged, sendJson } from '../http/conditional.ts';
import { UNCOUNTED } from '../http/in-flight.ts';
import { negotiate } from '../http/negotiation.ts';
import { invalidFields, jobNotFound } from '../http/problems.ts';
import {
  EventsQuerySchema,
  JobPathSchema,
  LAST_EVENT_ID_SCHEMA,
  LastEventIdSchema,
} from '../http/request-schemas.ts';
import type { LastingResponses } from '../lasting-responses.ts';
import { EVENT_STREAM, EVENTS } from '../openapi/event-examples.ts';
import { CACHE_HEADERS, documented, IF_NONE_MATCH, NOT_MODIFIED } from '../openapi/route-documentation.ts';

const STREAM = 'text/event-stream';

type EventsDeps = ApiDeps & { streams: EventStreams; lasting: LastingResponses };

/** GET /jobs/{id}/events: a job's events as a list, or live. */
export function eventRoutes(
  app: FastifyInstance,
  { store, events, streams, lasting }: EventsDeps,
  done: () => void,
): void {
  app.withTypeProvider<ZodTypeProvider>().route({
    method: 'GET',
    url: '/jobs/:id/events',
    schema: { params: JobPathSchema, querystring: EventsQuerySchema },
    // A stream is under way for as long as its job.
    config: { ...DOCUMENTATION, ...UNCOUNTED },
    handler: async (request, reply) => {
      const { id } = request.params;
      const { limit, lastEventId } = request.query;
      const after = lastEventId ?? request.query.after;
      const seen = lastEventIdHeader(request);
      const live = negotiate(request, reply, ['application/json', STREAM]) === STREAM;
      const cursor = live ? (seen ?? after) : after;
      const head = await store.head(scopeOf(request), id);
      if (head === undefined) throw jobNotFound();
      if (!live) {
        if (isUnchanged(request, reply, head.etag)) return reply.send();
        const page = await events.read(id, { after, limit: limit + 1 });
        const data = page.slice(0, limit).map(({ text }) => text);
        return sendJson(reply, `{"object":"list","data":[${data}],"has_more":${page.length > limit}}`);
      }
      if (isOver(head, cursor)) return reply.code(204).send();
      if (request.method === 'HEAD') return reply.type(STREAM).send();
      const caller = callerOf(request);
      lasting.admit(caller.owner);
      streams.start(reply, { caller, scope: scopeOf(request), id, cursor, seq: head.seq });
      return reply;
    },
  });
  done();
}

/** The last seq that a reconnecting viewer has seen. */
function lastEventIdHeader(request: FastifyRequest): number | undefined {
  const header = request.headers['last-event-id'];
  if (header === undefined) return undefined;
  const seq = LastEventIdSchema.safeParse(header);
  if (!seq.success) {
    throw invalidFields([
      {
        in: 'header',
        pointer: '/last-event-id',
        detail: 'must be the id of an event: a whole number of at least 0, with at most 15 digits',
      },
    ]);
  }
  return seq.data;
}

const DOCUMENTATION = documented({
  operationId: 'getEvents',
  tag: 'watching',
  access: 'reader',
  summary: "A job's events, as a list or live",
  description: [
    'Each job has one sequence of events: `seq` is 1, 2, 3, ... without gaps.',
    'With `Accept: text/event-stream` the events come live (Server-Sent Events): `retry: 2000` first, then one message per event with `id` = seq, `event` = type and `data` = the event object, and a comment every 15 seconds.',
    'Between them come messages `job.steps` without an id, at most two a second: `data.data` has the rows of the latest logged steps. They are not repeated after a reconnect; GET /jobs/{id}/metrics?granularity=step has all.',
    'The stream ends after job.succeeded, job.failed or job.cancelled. A reconnect after that gets 204, which makes an EventSource stop.',
    'A PATCH of the job is a job.updated, unless the job has ended: its last event stays the last.',
    'If the server has lost its last second of events, the stream sends a message `reset` and then all events from 1.',
  ].join('\n\n'),
  requestHeaders: {
    'If-None-Match': IF_NONE_MATCH,
    'Last-Event-ID': {
      description:
        'For streams: the last seq you have. Overrides `after` and `lastEventId`. EventSource sends it by itself.',
      schema: LAST_EVENT_ID_SCHEMA,
    },
  },
  responses: {
    200: {
      description: 'The events.',
      headers: CACHE_HEADERS,
      content: {
        'application/json': {
          schema: JobEventListSchema,
          examples: {
            running: {
              summary: 'After one epoch',
              value: { object: 'list', data: EVENTS, has_more: false },
            },
          },
        },
        'text/event-stream': {
          schema: { type: 'string', description: 'Each `data` is a JobEvent.' },
          examples: { running: { summary: 'After one epoch', value: EVENT_STREAM } },
        },
      },
    },
    304: NOT_MODIFIED,
    204: { description: 'For streams: the job has ended and you have its last event. Do not reconnect.' },
  },
  problems: ['job_not_found', 'not_acceptable', 'quota_exceeded', 'store_unavailable'],
});
