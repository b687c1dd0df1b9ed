import { DescentError, unexpected, unreachable } from './errors.ts';
import { readMessages } from './event-stream.ts';
import type { Http } from './http.ts';
import { pathOf } from './paths.ts';
import { Patience, pause } from './patience.ts';
import type { JobEvent, ResetEvent } from './types.ts';

/** A job's events, live, over as many connections as it takes. */

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

/** @throws {DescentError} */
export async function* followEvents(
  http: Http,
  id: string,
  { after = 0, signal }: EventsOptions,
): AsyncGenerator<JobEvent | ResetEvent, void, void> {
  let cursor = after;
  let retryMs = RETRY_MS;
  let patience = new Patience(START_PATIENCE_MS);
  for (;;) {
    try {
      const body = await connect(http, id, cursor, signal);
      if (body === 'over') return;
      patience = new Patience(RESUME_PATIENCE_MS);
      for await (const message of readMessages(body)) {
        if (message.retry !== '') retryMs = Number(message.retry) || RETRY_MS;
        if (message.data === '') continue;
        const event = parseEvent(http, message.event, message.data);
        cursor = event.seq;
        yield event;
        if (isLast(event)) return;
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
  id: string,
  cursor: number,
  signal: AbortSignal | undefined,
): Promise<ReadableStream<Uint8Array> | 'over'> {
  return await http.sendOnce(
    {
      path: `${pathOf(id)}/events`,
      headers: { accept: 'text/event-stream', 'last-event-id': String(cursor) },
      signal,
    },
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

function parseEvent(http: Http, type: string, data: string): JobEvent | ResetEvent {
  try {
    const value = JSON.parse(data) as JobEvent | ResetEvent['data'];
    return type === 'reset' ? { seq: 0, type, data: value as ResetEvent['data'] } : (value as JobEvent);
  } catch {
    throw unexpected(http.url, 'with an event that is not JSON');
  }
}

const isLast = ({ type }: JobEvent | ResetEvent): boolean =>
  type === 'job.succeeded' || type === 'job.failed' || type === 'job.cancelled';
