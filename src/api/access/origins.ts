import type { IncomingMessage } from 'node:http';
import type { FastifyRequest } from 'fastify';
import { ProblemError } from '../http/problems.ts';
import { isSafe } from '../http/safe-methods.ts';

/** Which web pages may use the API, by the Origin header that browsers send. */

/** Response headers that scripts of other origins may read. */
const EXPOSED = [
  'Accept-Patch',
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
  'If-Match',
  'If-None-Match',
  'Last-Event-ID',
  'Prefer',
  'traceparent',
].join(', ');

/** The answer to a browser that asks before it sends the request of another page. */
const PREFLIGHT: Record<string, string> = {
  'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE',
  'access-control-allow-headers': ALLOWED,
  'access-control-max-age': '600',
};

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

  /** The headers of CORS, which error responses need too. Credentials are never allowed. */
  corsHeaders({ method, headers }: Pick<IncomingMessage, 'method' | 'headers'>): Record<string, string> {
    const { origin } = headers;
    if (this.#cors.length === 0) return {};
    const all = this.#cors.includes('*');
    const vary: Record<string, string> = all ? {} : { vary: 'Origin' };
    if (origin === undefined || !this.#isAllowed(origin)) return vary;
    return {
      ...vary,
      'access-control-allow-origin': all ? '*' : origin,
      'access-control-expose-headers': EXPOSED,
      ...(method === 'OPTIONS' && headers['access-control-request-method'] !== undefined && PREFLIGHT),
    };
  }

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
