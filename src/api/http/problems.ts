import type { Socket } from 'node:net';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PROBLEMS, type Problem, type ProblemCode } from '../../contract/problem.ts';
import { InvalidRequestError } from './validation-errors.ts';

/** All error responses: one error class, one handler, one shape (RFC 9457). */

export interface ProblemOptions {
  errors?: Problem['errors'];
  headers?: Readonly<Record<string, string>>;
  checks?: Problem['checks'];
  places?: Problem['places'];
  cause?: unknown;
}

/** Thrown when a request fails. `detail` is for people: what was wrong, what is allowed, what to do. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: ProblemCode;
  readonly errors: Problem['errors'];
  readonly headers: Readonly<Record<string, string>>;
  readonly checks: Problem['checks'];
  readonly places: Problem['places'];

  constructor(
    code: ProblemCode,
    detail: string,
    { errors, headers = {}, checks, places, cause }: ProblemOptions = {},
  ) {
    super(detail, { cause });
    this.code = code;
    this.errors = errors;
    this.headers = headers;
    this.checks = checks;
    this.places = places;
  }
}

export const jobNotFound = (): ProblemError =>
  new ProblemError('job_not_found', 'No job has this id. List the jobs to see their ids.');

/** Of several jobs, these do not exist. */
export const jobsNotFound = (ids: readonly string[]): ProblemError =>
  new ProblemError(
    'job_not_found',
    `No job has the id ${ids.join(', nor ')}. List the jobs to see their ids.`,
  );

/** The `type` of a problem: a URN, not an address to open. */
export const problemType = (code: ProblemCode): string => `urn:descent:problem:${code}`;

export function renderProblem(problem: ProblemError, requestId: string): Problem {
  const { status, title } = PROBLEMS[problem.code];
  return {
    type: problemType(problem.code),
    title,
    status,
    detail: wellFormed(problem.message),
    instance: `urn:uuid:${requestId}`,
    code: problem.code,
    ...(problem.checks && { checks: problem.checks }),
    ...(problem.places && { places: problem.places }),
    ...(problem.errors && {
      errors: problem.errors.map((error) => ({ ...error, pointer: wellFormed(error.pointer) })),
    }),
  };
}

/** Text from a client may contain half of a surrogate pair, which many JSON readers cannot print. */
const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '\ufffd');

/** Fastify's error handler, also for errors outside any route. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  reply.send(prepareProblem(error, request, reply));
}

/** Status and headers of a problem, without those of every answer. */
export function problemHead({ code, headers }: ProblemError): {
  status: number;
  headers: Record<string, string>;
} {
  return {
    status: PROBLEMS[code].status,
    headers: { ...headers, 'cache-control': 'no-store', 'content-type': 'application/problem+json' },
  };
}

export const problemText = (problem: ProblemError, requestId: string): string =>
  JSON.stringify(renderProblem(problem, requestId));

/** Sets status and headers of the problem. @returns the body */
export function prepareProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): Buffer {
  const problem = toProblem(error, request);
  const { status, headers } = problemHead(problem);
  if (status === 500) request.log.error({ err: error }, 'a request failed');
  // Thousands a second must not make the load worse; the metrics count them.
  else if (problem.code === 'overloaded') request.log.debug({ code: problem.code }, 'a request was refused');
  else if (status > 500) request.log.warn({ err: error, code: problem.code }, 'a request was refused');
  // After a body that it does not take, Fastify closes the connection. That resets it while the client still sends, and
  // most clients would never see the answer.
  if (reply.hasHeader('connection'))
    reply.header('connection', reply.raw.shouldKeepAlive ? 'keep-alive' : 'close');
  reply.code(status).headers(headers);
  // Bytes: Fastify adds a charset to text, which this media type does not have.
  return Buffer.from(problemText(problem, request.id));
}

/** Maps any error, ours, Fastify's or a store's, to a problem of the catalogue. */
export function toProblem(error: unknown, request: FastifyRequest): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof InvalidRequestError) return invalidRequest(error);
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  const known = typeof code === 'string' ? BY_CODE[code] : undefined;
  if (known !== undefined) return known(request, error);
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new ProblemError(
      'malformed_request',
      'The request could not be read. Check its headers, path and body.',
      { cause: error },
    );
  }
  return new ProblemError(
    'internal',
    `The server failed; your request is not the cause. The server's log has the reason under the request id ${request.id}.`,
    { cause: error },
  );
}

export const invalidFields = (errors: NonNullable<Problem['errors']>): ProblemError =>
  new ProblemError(
    'validation_failed',
    errors.length === 1
      ? `${errors[0].pointer || 'The body'} ${errors[0].detail}`
      : `${errors.length} values are not allowed; \`errors\` lists each with what is allowed.`,
    { errors },
  );

/** No job has a malformed id, and nothing is at a malformed path. */
function invalidRequest({ fields }: InvalidRequestError): ProblemError {
  if (fields.some((field) => field.in !== 'path')) return invalidFields(fields);
  if (fields.some(({ pointer }) => pointer === '/id')) return jobNotFound();
  const details = fields.map(({ pointer, detail }) => `${pointer.slice(1)} ${detail}`);
  return new ProblemError('not_found', `There is no such path: ${details.join('; ')}.`);
}

const CREATE = '/jobs';

/** By the first word of Redis's answer. */
const REFUSED: Readonly<Record<string, [ProblemCode, string]>> = {
  OOM: ['storage_full', 'Redis is full.'],
  MISCONF: ['store_read_only', 'Redis cannot save to its disk.'],
  READONLY: ['store_read_only', 'Redis is a read-only replica.'],
  NOREPLICAS: ['store_read_only', 'Redis has too few replicas.'],
  NOPERM: ['store_unavailable', 'Redis refused the command.'],
};

/** What the API answers while Redis refuses writes, or one command. */
export function storeRefused(refusal: string | undefined, cause?: unknown): ProblemError {
  const [code, sentence] = REFUSED[refusal ?? ''] ?? ['store_unavailable', 'Redis refused the command.'];
  const advice =
    code === 'storage_full'
      ? 'Nothing was written. Jobs can still be cancelled and deleted, which makes room; or ask the operator to raise maxmemory.'
      : 'Nothing was written. /readyz has the reason; retry when it is fixed.';
  return new ProblemError(code, `${sentence} ${advice}`, { headers: { 'retry-after': '10' }, cause });
}

function storeUnavailable(request: FastifyRequest, cause: unknown): ProblemError {
  const creates = request.method === 'POST' && request.routeOptions.url === CREATE;
  if (cause instanceof Error && 'refusal' in cause && typeof cause.refusal === 'string') {
    return storeRefused(cause.refusal, cause);
  }
  const advice = !creates
    ? 'Retry in a few seconds.'
    : request.headers['idempotency-key'] !== undefined
      ? 'Retry with the same Idempotency-Key: the job is created only once, even if this request created it.'
      : 'The job may or may not have been created. List the jobs before you retry, and send an Idempotency-Key with the retry: further retries with the same key are then safe.';
  return new ProblemError('store_unavailable', advice, { headers: { 'retry-after': '2' }, cause });
}

const JSON_HEADER = 'Send the body as JSON with the header Content-Type: application/json.';

type ToProblem = (request: FastifyRequest, cause: unknown) => ProblemError;

const always =
  (code: ProblemCode, detail: string, headers: Record<string, string> = {}): ToProblem =>
  (_request, cause) =>
    new ProblemError(code, detail, { headers, cause });

export const overloaded = (cause?: unknown): ProblemError =>
  new ProblemError('overloaded', 'Retry in a few seconds.', { headers: { 'retry-after': '5' }, cause });

const tooBusy: ToProblem = (_request, cause) => overloaded(cause);

const NOT_IN_TIME = 'The request did not arrive completely in time. Send it again.';

export const bodyNotInTime = (): ProblemError => new ProblemError('request_timeout', NOT_IN_TIME);

/** The timeout includes the time the body takes to arrive; a body still incomplete is the client's delay. */
const handlerTimeout: ToProblem = (request, cause) =>
  request.raw.complete === false
    ? new ProblemError('request_timeout', NOT_IN_TIME, { headers: { connection: 'close' }, cause })
    : overloaded(cause);

const bodyTooLarge: ToProblem = ({ routeOptions }, cause) => {
  const { bodyLimit } = routeOptions;
  return new ProblemError(
    'payload_too_large',
    `The body may have at most ${bodyLimit} bytes (${bodyLimit / 1024} KiB).`,
    { cause },
  );
};

const BY_CODE: Readonly<Record<string, ToProblem>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: bodyTooLarge,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: always('unsupported_media_type', JSON_HEADER),
  FST_ERR_CTP_EMPTY_TYPE: always('unsupported_media_type', JSON_HEADER),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: always(
    'malformed_request',
    'The length of the body does not match Content-Length. Send the exact length.',
    { connection: 'close' },
  ),
  FST_ERR_BAD_URL: always('malformed_request', 'The path is not valid percent-encoded UTF-8.'),
  FST_ERR_MAX_PARAM_LENGTH: always('not_found', 'There is no such path: none is this long.'),
  FST_ERR_HANDLER_TIMEOUT: handlerTimeout,
  // No file descriptor is left, here or on the whole machine.
  EMFILE: tooBusy,
  ENFILE: tooBusy,
  model_threads_busy: tooBusy,
  store_unavailable: storeUnavailable,
  unreadable_record: always(
    'job_unreadable',
    'The job exists, but another version of Descent wrote its record. Ask the operator to upgrade, or cancel the job, which takes effect despite this answer, and delete it.',
  ),
};

/** Socket errors, by Node's code. There is no request object yet, so the response is written by hand. */
const AT_THE_SOCKET: Readonly<Record<string, [ProblemCode, string]>> = {
  HPE_HEADER_OVERFLOW: [
    'headers_too_large',
    'Path, query and headers may have at most 16384 bytes together.',
  ],
  ERR_HTTP_REQUEST_TIMEOUT: ['request_timeout', NOT_IN_TIME],
};

/** Fastify's clientErrorHandler: answers input that is not readable as HTTP. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket, requestId: string): void {
  const [code, detail] = AT_THE_SOCKET[error.code ?? ''] ?? [
    'malformed_request',
    'The request is not valid HTTP/1.1.',
  ];
  if (error.code === 'ECONNRESET') socket.destroy();
  else writeProblem(socket, new ProblemError(code, detail), requestId);
}

/** A client that has its answer closes soon; one that does not is cut off. */
const LINGER_MS = 1_000;

const answered = new WeakSet<Socket>();

/** Writes a problem where there is no request yet, and closes the connection. */
export function writeProblem(socket: Socket, problem: ProblemError, requestId: string): void {
  // What else arrives is not read as HTTP any more, but closing at once would discard the answer under way.
  if (answered.has(socket)) return;
  // A client would take a second response on the socket for the response to another request.
  if (!socket.writable || socket.bytesWritten > 0) {
    socket.destroy();
    return;
  }
  answered.add(socket);
  const body = problemText(problem, requestId);
  const { status, title } = PROBLEMS[problem.code];
  const headers = Object.entries(problem.headers).map(([name, value]) => `${name}: ${value}`);
  socket.end(
    [
      `HTTP/1.1 ${status} ${title}`,
      'Content-Type: application/problem+json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Cache-Control: no-store',
      'X-Content-Type-Options: nosniff',
      'Connection: close',
      ...headers,
      '',
      body,
    ].join('\r\n'),
  );
  // Ending closes only our half; the descriptor would stay as long as the client likes.
  const cut = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(cut));
}
