import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isTerminal } from '../contract/job.ts';
import { monotonicMs } from '../process/clock.ts';
import type { Scope } from '../store/jobs.ts';
import type { Authentication } from './access/authentication.ts';
import type { Caller } from './access/caller.ts';
import { Bell } from './bell.ts';
import { type ApiDeps, type ApiTiming, ignoreUnavailable } from './deps.ts';
import { leavePlace } from './http/in-flight.ts';
import { ProblemError, prepareProblem } from './http/problems.ts';
import { isOpen, type LastingResponses } from './lasting-responses.ts';

/** Requests that wait for the end of a job (`Prefer: wait`). Like a stream, a waiting request wakes on signals. */

type Deps = Pick<ApiDeps, 'store' | 'signals'> & {
  authentication: Pick<Authentication, 'isStillValid'>;
};

export interface Wait {
  caller: Caller;
  scope: Scope;
  id: string;
  /** The longest wait. */
  seconds: number;
  /**
   * Called when the wait is over: sets status and headers on the reply, and returns the body, if there is one.
   * @throws {ProblemError}
   * @throws {StoreUnavailableError}
   */
  answer: () => Promise<string | undefined>;
}

export class JobWaits {
  readonly #deps: Deps;
  readonly #lasting: LastingResponses;
  readonly #lookMs: number;

  constructor(deps: Deps, lasting: LastingResponses, { lookMs }: Pick<ApiTiming, 'lookMs'>) {
    this.#deps = deps;
    this.#lasting = lasting;
    this.#lookMs = lookMs;
  }

  /** Takes over the reply, with its time-out, and returns at once. Ask whether it is admitted before. */
  start(request: FastifyRequest, reply: FastifyReply, wait: Wait): void {
    reply.hijack();
    leavePlace(request);
    this.#run(request, reply, wait).catch((error: unknown) => {
      reply.log.error({ err: error }, 'a waiting request failed');
      reply.raw.destroy();
    });
  }

  async #run(request: FastifyRequest, reply: FastifyReply, wait: Wait): Promise<void> {
    let body: string | Buffer | undefined;
    try {
      await this.#untilOver(reply.raw, wait);
      if (!isOpen(reply.raw)) return;
      body = await wait.answer();
    } catch (error) {
      body = prepareProblem(error, request, reply);
    }
    // Otherwise the connection would keep the server from closing.
    if (this.#lasting.closing) reply.header('connection', 'close');
    send(reply, body);
  }

  /** Until the job has ended or is gone, the time is up, the client has left or the server stops. @throws {ProblemError} */
  async #untilOver(response: ServerResponse, wait: Wait): Promise<void> {
    const deadlineMs = monotonicMs() + wait.seconds * 1000;
    const bell = new Bell();
    const ring = () => bell.ring();
    this.#lasting.add(response, wait.caller.owner, ring);
    response.once('close', ring);
    const stopSignals = this.#deps.signals.subscribe(wait.id, ring);
    try {
      while (isOpen(response)) {
        // The answer itself reads the job anew, and a stop has little time.
        if (this.#lasting.closing) return;
        if (!(await this.#deps.authentication.isStillValid(wait.caller))) throw keyEnded();
        if (await this.#isOver(wait)) return;
        const leftMs = deadlineMs - monotonicMs();
        if (leftMs <= 0) return;
        await bell.wait(Math.min(leftMs, this.#lookMs));
      }
    } finally {
      stopSignals();
    }
  }

  /** False also when the store is unavailable: it may come back in time. */
  async #isOver({ scope, id }: Wait): Promise<boolean> {
    try {
      const head = await this.#deps.store.head(scope, id);
      return head === undefined || isTerminal(head.status);
    } catch (error) {
      return ignoreUnavailable(error) ?? false;
    }
  }
}

const keyEnded = (): ProblemError =>
  new ProblemError(
    'unauthenticated',
    'Your key expired or was revoked while the request waited. The job goes on. Ask the operator for a new key.',
    { headers: { 'www-authenticate': 'Bearer realm="descent", error="invalid_token"' } },
  );

/** Fastify sends nothing on a reply that was taken over. */
function send(reply: FastifyReply, body: string | Buffer | undefined): void {
  const { raw } = reply;
  if (!isOpen(raw)) return;
  const headers = reply.getHeaders() as Record<string, string>;
  if (body !== undefined) headers['content-length'] = String(Buffer.byteLength(body));
  raw.writeHead(reply.statusCode, headers).end(body);
}
