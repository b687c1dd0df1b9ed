import { randomUUID } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { ConnectionGuard } from './connections.ts';
import { answerClientError, ProblemError, writeProblem } from './problems.ts';

/** Node's HTTP server with every limit of ours. There may be several: localhost has two addresses. */

/** As many as Apache takes. Node would drop those above its own limit without a word. */
const MAX_HEADERS = 100;

export interface HttpTimes {
  /** For the headers of a request to arrive, and for its body, unless that lasts. */
  requestTimeoutMs: number;
  /** For all of an upload. */
  upload: { totalMs: number };
  /** For an idle connection to send its next request. */
  keepAliveTimeoutMs: number;
  /** For a connection to stay in one state: waiting for a request, or busy with one. */
  connectionStateMs: number;
}

/**
 * @param maxConnections for all servers of this factory together
 * @param isStream whether a response is an event stream, which may last
 * @param refuse answers a request that need not be handled, and says whether it did
 */
export function buildServerFactory(
  { requestTimeoutMs, upload, keepAliveTimeoutMs, connectionStateMs }: HttpTimes,
  maxConnections: number,
  isStream: (response: ServerResponse) => boolean,
  refuse: (request: IncomingMessage, response: ServerResponse) => boolean,
): (handler: RequestListener) => Server {
  const guard = new ConnectionGuard(
    {
      max: maxConnections,
      bodyMs: requestTimeoutMs,
      stateMs: connectionStateMs,
      checkMs: Math.min(requestTimeoutMs, connectionStateMs) / 6,
    },
    isStream,
  );
  return (handler) => {
    const options = {
      // A missing Host gets a problem of our own.
      requireHostHeader: false,
      requestTimeout: Math.max(requestTimeoutMs, upload.totalMs),
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: requestTimeoutMs / 6,
      keepAliveTimeout: keepAliveTimeoutMs,
    };
    const server = createServer(options, (request, response) => {
      if (!refuse(request, response)) handler(request, response);
    });
    // One more, so that `refuseManyHeaders` sees that there are too many.
    server.maxHeadersCount = MAX_HEADERS + 1;
    // An expectation that we do not know may be ignored (RFC 9110, 10.1.1); by default Node answers 417 without a body.
    server.on('checkExpectation', (request, response) => server.emit('request', request, response));
    server.on('connect', refuseConnect);
    server.on('clientError', (error, socket) => answerClientError(error, socket as Socket, randomUUID()));
    guard.watch(server);
    return server;
  };
}

function refuseConnect(_request: IncomingMessage, socket: Socket): void {
  socket.on('error', () => socket.destroy()).resume();
  const detail = 'This server is not a proxy. Send a request with a path, such as GET /jobs.';
  writeProblem(socket, new ProblemError('malformed_request', detail), randomUUID());
}

/**
 * An onRequest hook.
 * @throws {ProblemError} headers_too_large
 */
export async function refuseManyHeaders({ raw }: FastifyRequest): Promise<void> {
  if (raw.rawHeaders.length <= 2 * MAX_HEADERS) return;
  throw new ProblemError('headers_too_large', `A request may have at most ${MAX_HEADERS} headers.`, {
    headers: { connection: 'close' },
  });
}
