import { DescentError, unexpected, unreachable } from './errors.ts';
import { type Message, readMessages } from './event-stream.ts';
import type { Http } from './http.ts';
import { listOf, pathOf, searchOf } from './paths.ts';
import { Patience, pause } from './patience.ts';
import type { FeedEvent, FeedReset, FeedStart, JobEvent, ResetEvent } from './types.ts';

/** Events of one job, or of many, live, over as many connections as it takes. */

/** Before the first connection, as for any request; */
const START_PATIENCE_MS = 5_000;
/** after it, long enough for a machine that restarts. */
const RESUME_PATIENCE_MS = 120_000;

/** Until the server says otherwise. */
const RETRY_MS = 2_000;

export interface EventsOptions {
  /** Only events with a higher seq: the last that you have. */
  after?: number;
  signal?: AbortSignal | undefined;
}

/** A stream, and what its messages mean. */
interface Source<Item> {
  path: string;
  /** What is sent as Last-Event-ID; undefined: from now on. */
  cursor: string | undefined;
  /** undefined: of no interest. */
  parse(message: Message): Item | undefined;
  /** The next cursor. */
  cursorOf(item: Item, message: Message): string;
  isLast(item: Item): boolean;
  /** What tells that a stream from now on has begun. */
  startOf?(cursor: string): Item;
}

export interface FeedOptions {
  /** Only events after this one: an id of this stream. Without it, what happens from now on. */
  after?: string | undefined;
  /** Only these jobs; the events end when all of them have ended. */
  jobs?: readonly string[] | undefined;
  /** Only jobs with these pairs. */
  metadata?: Readonly<Record<string, string>> | undefined;
  signal?: AbortSignal | undefined;
}

/** @throws {DescentError} */
export function followEvents(
  http: Http,
  id: string,
  { after = 0, signal }: EventsOptions,
): AsyncGenerator<JobEvent | ResetEvent, void, void> {
  return follow<JobEvent | ResetEvent>(http, signal, {
    path: `${pathOf(id)}/events`,
    cursor: String(after),
    parse: ({ event, data }) => {
      if (event === 'reset') return { seq: 0, type: event, data: parse<ResetEvent['data']>(http, data) };
      // Not in the sequence of events, and nobody gets them again.
      return event === 'job.steps' ? undefined : parse<JobEvent>(http, data);
    },
    cursorOf: ({ seq }) => String(seq),
    isLast,
  });
}

/** @throws {DescentError} */
export function followFeed(
  http: Http,
  { after, jobs, metadata = {}, signal }: FeedOptions,
): AsyncGenerator<FeedStart | FeedEvent | FeedReset, void, void> {
  return follow<FeedStart | FeedEvent | FeedReset>(http, signal, {
    path: `/events${searchOf({ jobs: jobs && listOf(jobs), metadata })}`,
    cursor: after,
    parse: ({ id, event, data }) =>
      event === 'reset'
        ? { id, type: event }
        : { ...parse<Omit<FeedEvent, 'type'>>(http, data), type: 'event' },
    cursorOf: (_item, { id }) => id,
    startOf: (id) => ({ id, type: 'start' }),
    // The server ends the stream of jobs that have ended, and answers 204.
    isLast: () => false,
  });
}

async function* follow<Item>(
  http: Http,
  signal: AbortSignal | undefined,
  source: Source<Item>,
): AsyncGenerator<Item, void, void> {
  let { cursor } = source;
  let retryMs = RETRY_MS;
  let patience = new Patience(START_PATIENCE_MS);
  for (;;) {
    try {
      const body = await connect(http, source.path, cursor, signal);
      if (body === 'over') return;
      patience = new Patience(RESUME_PATIENCE_MS);
      for await (const message of readMessages(body)) {
        if (message.retry !== '') retryMs = Number(message.retry) || RETRY_MS;
        if (message.data === '') {
          if (cursor !== undefined || message.id === '') continue;
          cursor = message.id;
          if (source.startOf !== undefined) yield source.startOf(cursor);
          continue;
        }
        const item = source.parse(message);
        if (item === undefined) continue;
        cursor = source.cursorOf(item, message);
        yield item;
        if (source.isLast(item)) return;
      }
    } catch (error) {
      signal?.throwIfAborted();
      await patience.wait(error instanceof DescentError ? error : unreachable(http.url, error), signal);
      continue;
    }
    // The server ended the stream: it stops, or ends it for another reason that the next answer will give.
    await pause(retryMs, signal);
  }
}

async function connect(
  http: Http,
  path: string,
  cursor: string | undefined,
  signal: AbortSignal | undefined,
): Promise<ReadableStream<Uint8Array> | 'over'> {
  const place = cursor === undefined ? {} : { 'last-event-id': cursor };
  return await http.sendOnce(
    { path, headers: { accept: 'text/event-stream', ...place }, signal },
    async (response) => {
      if (response.status === 204) return 'over';
      const isStream = response.headers.get('content-type')?.startsWith('text/event-stream');
      if (!isStream || response.body === null) {
        throw unexpected(http.url, 'with something else than events', response.status);
      }
      return response.body;
    },
  );
}

function parse<Value>(http: Http, data: string): Value {
  try {
    return JSON.parse(data) as Value;
  } catch {
    throw unexpected(http.url, 'with an event that is not JSON');
  }
}

const isLast = ({ type }: JobEvent | ResetEvent): boolean =>
  type === 'job.succeeded' || type === 'job.failed' || type === 'job.cancelled';
