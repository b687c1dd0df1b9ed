import type { Problem } from './types.ts';

/** A code of the API, or one of these two: no answer came, or one that no Descent gives. */
export type ErrorCode = Problem['code'] | 'unreachable' | 'unexpected_response';

interface ErrorOptions {
  status?: number | undefined;
  errors?: Problem['errors'];
  places?: Problem['places'];
  retryAfterSeconds?: number | undefined;
  cause?: unknown;
}

/** Every failure of a request, except an abort, which throws the signal's reason. */
export class DescentError extends Error {
  override readonly name = 'DescentError';
  /** For programs: what was wrong. */
  readonly code: ErrorCode;
  /** The HTTP status; undefined if no answer came. */
  readonly status: number | undefined;
  /** For people: what was wrong, what is allowed, what to do. */
  readonly detail: string;
  /** Each value that is not allowed; empty for most codes. */
  readonly errors: NonNullable<Problem['errors']>;
  /** Of a refused upload: the first ten places in its file. */
  readonly places: NonNullable<Problem['places']>;
  /** How long the server asks to wait before the request is repeated. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: ErrorCode,
    detail: string,
    { status, errors = [], places = [], retryAfterSeconds, cause }: ErrorOptions = {},
  ) {
    super([detail, ...(errors.length > 1 ? errors.map(describe) : [])].join('\n  '), { cause });
    this.code = code;
    this.status = status;
    this.detail = detail;
    this.errors = errors;
    this.places = places;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

const describe = ({ pointer, detail }: { pointer: string; detail: string }): string =>
  `${pointer || 'The body'} ${detail}`;

export const unreachable = (url: string, cause: unknown): DescentError =>
  new DescentError('unreachable', `No answer came from ${url}${reasonOf(cause)}.`, { cause });

export const unexpected = (url: string, what: string, status?: number): DescentError =>
  new DescentError(
    'unexpected_response',
    `${url} answered ${what}, which Descent does not. Check that the URL is that of a Descent.`,
    { status },
  );

/** The error that a response with another status than 2xx stands for. */
export async function errorOf(url: string, response: Response): Promise<DescentError> {
  const { status } = response;
  const retryAfterSeconds = secondsOf(response.headers.get('retry-after'));
  const problem = parseProblem(await response.text());
  if (problem !== undefined) {
    const { code, detail, errors, places } = problem;
    return new DescentError(code, detail, { status, errors, places, retryAfterSeconds });
  }
  // A proxy answers so while the API behind it is away.
  return status === 502 || status === 503 || status === 504
    ? new DescentError('unreachable', `A proxy at ${url} answered ${status}: it has no answer of Descent.`, {
        status,
        retryAfterSeconds,
      })
    : unexpected(url, `${status} without a problem document`, status);
}

function parseProblem(text: string): Problem | undefined {
  try {
    const value = JSON.parse(text) as Partial<Problem> | null;
    const isProblem = typeof value?.code === 'string' && typeof value.detail === 'string';
    return isProblem ? (value as Problem) : undefined;
  } catch {
    return undefined;
  }
}

/** Retry-After in seconds. Descent sends no dates. */
const secondsOf = (header: string | null): number | undefined =>
  header !== null && /^\d{1,6}$/.test(header) ? Number(header) : undefined;

/** What fetch says in its cause, if anything: a browser says nothing. */
function reasonOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: unknown; message?: unknown } };
  const reason = cause?.message || cause?.code || (error as Partial<Error>).message;
  return typeof reason === 'string' ? ` (${reason})` : '';
}
