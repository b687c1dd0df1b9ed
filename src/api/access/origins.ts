import type { FastifyReply, FastifyRequest } from 'fastify';
import { ProblemError } from '../http/problems.ts';

/** Which web pages may use the API, by the Origin header that browsers send. */

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

export const isSafe = (method: string): boolean => SAFE_METHODS.includes(method);

/** Response headers that scripts of other origins may read. */
const EXPOSED = [
  'Content-Disposition',
  'ETag',
  'Idempotency-Replayed',
  'Link',
  'Location',
  'Preference-Applied',
  'RateLimit',
  'RateLimit-Policy',
  'Request-Id',
  'Retry-After',
].join(', ');

/** Request headers that they may send. */
const ALLOWED = [
  'Accept',
  'Authorization',
  'Content-Type',
  'Idempotency-Key',
  'If-None-Match',
  'Last-Event-ID',
  'Prefer',
  'traceparent',
].join(', ');

const PREFLIGHT_SECONDS = '600';

export interface OriginSettings {
  /** Where browsers find the API, such as https://descent.example.org; undefined = where it listens. */
  publicOrigin: string | undefined;
  /** Origins of other pages that may use the API; `*` = all. */
  corsOrigins: readonly string[];
}

export class Origins {
  readonly #publicOrigin: string | undefined;
  readonly #cors: readonly string[];

  constructor({ publicOrigin, corsOrigins }: OriginSettings) {
    this.#publicOrigin = publicOrigin;
    this.#cors = corsOrigins;
  }

  /** Whether the page that sent the request is our own; false if no page did. */
  isOwn({ headers }: FastifyRequest): boolean {
    const { origin, host } = headers;
    if (origin === undefined) return false;
    if (origin === this.#publicOrigin) return true;
    // A proxy may end TLS, so the schemes may differ. The host that we serve is checked elsewhere.
    return host !== undefined && /^https?:\/\/(.+)$/.exec(origin)?.[1] === host;
  }

  /** An onRequest hook: the headers of CORS, which error responses need too. Credentials are never allowed. */
  addCorsHeaders = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const { origin } = request.headers;
    if (this.#cors.length === 0) return;
    if (!this.#cors.includes('*')) reply.header('vary', 'Origin');
    if (origin === undefined || !this.#isAllowed(origin)) return;
    reply
      .header('access-control-allow-origin', this.#cors.includes('*') ? '*' : origin)
      .header('access-control-expose-headers', EXPOSED);
    if (request.method !== 'OPTIONS' || request.headers['access-control-request-method'] === undefined)
      return;
    reply
      .header('access-control-allow-methods', 'GET, HEAD, POST, DELETE')
      .header('access-control-allow-headers', ALLOWED)
      .header('access-control-max-age', PREFLIGHT_SECONDS);
  };

  /**
   * Browsers let any page send simple POSTs to us, and without keys, or with a cookie, they would be obeyed.
   * @throws {ProblemError} foreign_origin
   */
  refuseForeign(request: FastifyRequest): void {
    const { origin } = request.headers;
    if (origin === undefined || isSafe(request.method)) return;
    if (this.isOwn(request) || this.#isAllowed(origin)) return;
    throw new ProblemError(
      'foreign_origin',
      `A page of ${JSON.stringify(origin.slice(0, 100))} may not change anything here. If it is this server under its public name, set PUBLIC_URL; to let other pages in, set CORS_ORIGINS.`,
    );
  }

  #isAllowed(origin: string): boolean {
    return this.#cors.includes('*') || this.#cors.includes(origin);
  }
}
