import { timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Access, includesRole } from '../../contract/access.ts';
import { parseApiKey, sha256 } from '../../store/api-key-text.ts';
import type { ApiKey } from '../../store/api-keys.ts';
import { type ApiDeps, ignoreUnavailable } from '../deps.ts';
import { ProblemError } from '../http/problems.ts';
import { isSafe } from '../http/safe-methods.ts';
import { documentationOf } from '../openapi/route-documentation.ts';
import { BadKeys } from './bad-keys.ts';
import { ANYONE, type Caller } from './caller.ts';
import { Origins } from './origins.ts';
import { readSessionCookie } from './session-cookie.ts';

type Deps = Pick<ApiDeps, 'auth' | 'apiKeys' | 'sessions' | 'metricsToken' | 'publicUrl' | 'corsOrigins'>;

/** Paths of plugins, whose routes state no access: Swagger UI below /docs is public. */
const PUBLIC_OF_PLUGINS = /^\/docs(\/|$)/;

/**
 * The access that a route states.
 * @throws when it states none.
 */
export function accessOf({ url, config }: { url?: string | undefined; config?: unknown }): Access {
  const access = documentationOf(config)?.access;
  if (access !== undefined) return access;
  if (url !== undefined && PUBLIC_OF_PLUGINS.test(url)) return 'public';
  throw new Error(`the route ${url} states no access`);
}

/** Finds out who sent a request, and whether he may. */
export class Authentication {
  readonly #deps: Deps;
  readonly origins: Origins;
  readonly #badKeys = new BadKeys();

  constructor(deps: Deps) {
    this.#deps = deps;
    this.origins = new Origins({ publicOrigin: deps.publicUrl?.origin, corsOrigins: deps.corsOrigins });
  }

  /**
   * An onRequest hook, after the one that answers unknown paths.
   * @throws {ProblemError} unauthenticated, too_many_bad_keys, forbidden or foreign_origin
   * @throws {StoreUnavailableError}
   */
  check = async (request: FastifyRequest, _reply: FastifyReply): Promise<void> => {
    this.origins.refuseForeign(request);
    const { url, config } = request.routeOptions;
    const access = accessOf({ url, config });
    if (access === 'public' || (url === '/metrics' && this.#hasMetricsToken(request))) return;
    const caller = await this.#caller(request);
    if (!includesRole(caller.role, access)) {
      throw new ProblemError(
        'forbidden',
        `Your key has the role ${caller.role}; this operation needs ${access}. Ask the operator for such a key.`,
      );
    }
    request.caller = caller;
  };

  /**
   * The key with this text, for a login.
   * @throws {ProblemError} unauthenticated or too_many_bad_keys
   * @throws {StoreUnavailableError}
   */
  async keyOf(text: string, address: string): Promise<ApiKey> {
    const parsed = parseApiKey(text);
    const key = parsed && (await this.#deps.apiKeys.authenticate(parsed));
    if (key !== undefined) return key;
    this.#badKeys.count(address);
    throw unauthenticated(
      parsed === undefined
        ? 'This is not an API key. A key begins with dsc_; copy all of it.'
        : 'The key is unknown, has expired or was revoked. Ask the operator for a new one.',
      'invalid_token',
    );
  }

  /** Whether the caller of a response that lasts would still be let in; true while the store does not say. */
  async isStillValid({ key }: Caller): Promise<boolean> {
    if (key === undefined) return true;
    try {
      return (await this.#deps.apiKeys.valid(key.id)) !== undefined;
    } catch (error) {
      ignoreUnavailable(error);
      return true;
    }
  }

  async #caller(request: FastifyRequest): Promise<Caller> {
    if (this.#deps.auth === 'none') return ANYONE;
    const { authorization, cookie } = request.headers;
    if (authorization !== undefined) {
      const [, text] = /^Bearer +(\S+) *$/i.exec(authorization) ?? [];
      if (text === undefined) {
        throw unauthenticated('Authorization must be: Bearer, a blank, and an API key.', 'invalid_request');
      }
      return callerWith(await this.keyOf(text, request.ip));
    }
    const token = readSessionCookie(cookie);
    const id = token && (await this.#deps.sessions.keyId(token));
    const key = id === undefined || id === '' ? undefined : await this.#deps.apiKeys.valid(id);
    if (key === undefined) {
      throw unauthenticated(
        token === undefined
          ? 'Send an API key: the header Authorization with the value Bearer dsc_...'
          : 'Your session has ended. Log in again.',
      );
    }
    if (!isSafe(request.method) && !this.origins.isOwn(request)) {
      throw new ProblemError(
        'foreign_origin',
        'A session changes things only from a page of this server. Scripts send an API key in the header Authorization.',
      );
    }
    return callerWith(key);
  }

  #hasMetricsToken({ headers }: FastifyRequest): boolean {
    const [, token] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? [];
    const wanted = this.#deps.metricsToken;
    return token !== undefined && wanted !== undefined && timingSafeEqual(sha256(token), sha256(wanted));
  }
}

const callerWith = (key: ApiKey): Caller => ({ owner: key.owner, role: key.role, key });

function unauthenticated(detail: string, error?: 'invalid_token' | 'invalid_request'): ProblemError {
  const challenge = `Bearer realm="descent"${error === undefined ? '' : `, error="${error}"`}`;
  return new ProblemError('unauthenticated', detail, { headers: { 'www-authenticate': challenge } });
}
