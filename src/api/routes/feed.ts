import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { FeedEventListSchema } from '../../contract/job-event.ts';
import { FEED_START } from '../../store/job-feed.ts';
import { callerOf, scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import type { FeedStreams } from '../feed-streams.ts';
import { sendJson } from '../http/conditional.ts';
import { UNCOUNTED } from '../http/in-flight.ts';
import { negotiate } from '../http/negotiation.ts';
import { invalidFields, jobsNotFound, ProblemError } from '../http/problems.ts';
import { FeedQuerySchema, LAST_FEED_ID_SCHEMA, LastFeedIdSchema } from '../http/request-schemas.ts';
import type { LastingResponses } from '../lasting-responses.ts';
import { FEED_LIST, FEED_STREAM } from '../openapi/event-examples.ts';
import { documented } from '../openapi/route-documentation.ts';

const STREAM = 'text/event-stream';

type FeedDeps = ApiDeps & { feeds: FeedStreams; lasting: LastingResponses };

/** GET /events: the events of many jobs, as a list or live. */
export function feedRoute(
  app: FastifyInstance,
  { store, feed, feeds, lasting }: FeedDeps,
  done: () => void,
): void {
  app.withTypeProvider<ZodTypeProvider>().route({
    method: 'GET',
    url: '/events',
    schema: { querystring: FeedQuerySchema },
    config: { ...DOCUMENTATION, ...UNCOUNTED },
    handler: async (request, reply) => {
      const { jobs: ids, metadata = {}, lastEventId, limit } = request.query;
      const caller = callerOf(request);
      const owner = request.query.owner ?? caller.owner;
      const scope = scopeOf(request);
      if (scope !== undefined && owner !== scope) {
        throw new ProblemError(
          'forbidden',
          'Only an admin may watch the jobs of another owner. Leave `owner` out.',
        );
      }
      const live = negotiate(request, reply, ['application/json', STREAM]) === STREAM;
      const seen = lastFeedId(request);
      const after = lastEventId ?? request.query.after;
      const cursor = live ? (seen ?? after) : after;
      const jobs = ids && new Set(ids);
      if (ids !== undefined) {
        const heads = await Promise.all(ids.map((id) => store.head(owner, id)));
        const unknown = ids.filter((_, i) => heads[i] === undefined);
        if (unknown.length > 0) throw jobsNotFound(unknown);
      }
      const wanted = { owner, jobs, metadata: Object.entries(metadata) };
      if (!live) {
        const page = await feed.read(owner, cursor ?? FEED_START, limit);
        const { entries, newest } = page;
        // The oldest that is remembered is where a list begins.
        const reset = cursor !== undefined && page.isLost;
        const data = (await feeds.read(page, wanted)).map(({ text }) => text);
        const last = entries.at(-1)?.id ?? (reset ? newest : (cursor ?? FEED_START));
        return sendJson(
          reply,
          `{"object":"list","data":[${data}],"has_more":${entries.length === limit},"last_id":"${last}","reset":${reset}}`,
        );
      }
      if (await feeds.isOver({ ...wanted, cursor })) return reply.code(204).send();
      if (request.method === 'HEAD') return reply.type(STREAM).send();
      lasting.admit(caller.owner);
      feeds.start(reply, { caller, ...wanted, cursor });
      return reply;
    },
  });
  done();
}

/** The last id that a reconnecting viewer has. */
function lastFeedId(request: FastifyRequest): string | undefined {
  const header = request.headers['last-event-id'];
  if (header === undefined) return undefined;
  const id = LastFeedIdSchema.safeParse(header);
  if (id.success) return id.data;
  throw invalidFields([
    {
      in: 'header',
      pointer: '/last-event-id',
      detail: 'must be an id of this stream, such as 1764400000000-0',
    },
  ]);
}

const DOCUMENTATION = documented({
  operationId: 'watchJobs',
  tag: 'watching',
  access: 'reader',
  summary: 'The events of many jobs, as a list or live',
  description: [
    'What happens to all of your jobs, or to those that you name, in one sequence. The server remembers the latest 10,000 events of an owner.',
    'With `Accept: text/event-stream` the events come live (Server-Sent Events), from now on: `retry: 2000` and the current `id` first, then one message per event, with `event` = type and `data` = the event with its job, and a comment every 15 seconds.',
    'A reconnect with `Last-Event-ID` misses nothing. If the events after it are forgotten or lost, the stream sends one message `reset` and goes on from now, so read the jobs again.',
    'With `jobs`, a stream ends when all of them have ended. A reconnect after that gets 204, which makes an EventSource stop.',
  ].join('\n\n'),
  requestHeaders: {
    'Last-Event-ID': {
      description: 'The last id you have. Overrides `lastEventId`. EventSource sends it by itself.',
      schema: LAST_FEED_ID_SCHEMA,
    },
  },
  responses: {
    200: {
      description: 'The events.',
      content: {
        'application/json': {
          schema: FeedEventListSchema,
          examples: { running: { summary: 'A job starts', value: FEED_LIST } },
        },
        'text/event-stream': {
          schema: { type: 'string', description: 'Each `data` is a FeedEvent.' },
          examples: { running: { summary: 'A job starts', value: FEED_STREAM } },
        },
      },
    },
    204: { description: 'All the jobs have ended and you have their last events. Do not reconnect.' },
  },
  problems: ['job_not_found', 'not_acceptable', 'quota_exceeded', 'store_unavailable'],
});
