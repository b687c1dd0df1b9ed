import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { monotonicMs } from '../../process/clock.ts';
import type { InFlight } from './in-flight.ts';
import { type ProblemError, problemHead, problemText } from './problems.ts';

export interface UnreadRefusal {
  inFlight: Pick<InFlight, 'refusalUnread'>;
  /** The headers of every answer to this request. */
  headersFor: (request: IncomingMessage) => Record<string, string>;
  observe: (method: string, status: number, seconds: number) => void;
}

/**
 * Refusals leave together, this long after the first. A write to a process that sleeps wakes it, which costs more than
 * the write itself, and an accepted request never waits behind a refusal.
 */
const TOGETHER_MS = 20;

/**
 * Refuses what `InFlight` need not read before Fastify sees it. A refusal then takes a fraction of the time, which is
 * what keeps those that are accepted fast when ten times as many come.
 * @returns answers a request that is refused, and says whether it did
 */
export function buildUnreadRefusal({
  inFlight,
  headersFor,
  observe,
}: UnreadRefusal): (request: IncomingMessage, response: ServerResponse) => boolean {
  let waiting: (() => void)[] = [];
  const answerAll = () => {
    const answers = waiting;
    waiting = [];
    for (const answer of answers) answer();
  };
  return (request, response) => {
    const problem = inFlight.refusalUnread(request.method);
    if (problem === undefined) return false;
    const startedMs = monotonicMs();
    if (waiting.length === 0) setTimeout(answerAll, TOGETHER_MS);
    waiting.push(() => answer(request, response, problem, startedMs));
    return true;
  };

  function answer(
    request: IncomingMessage,
    response: ServerResponse,
    problem: ProblemError,
    startedMs: number,
  ): void {
    const requestId = randomUUID();
    const { status, headers } = problemHead(problem);
    const body = problemText(problem, requestId);
    response.writeHead(status, {
      ...headersFor(request),
      ...headers,
      'request-id': requestId,
      'content-length': Buffer.byteLength(body),
    });
    // Text goes out in one write with the headers, bytes in two pieces.
    response.end(body);
    observe(request.method ?? '', status, (monotonicMs() - startedMs) / 1000);
  }
}
