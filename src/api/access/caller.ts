import type { FastifyRequest } from 'fastify';
import { LOCAL_OWNER, type Role } from '../../contract/access.ts';
import type { ApiKey } from '../../store/api-keys.ts';
import type { Scope } from '../../store/jobs.ts';

/** Whose request it is. */
export interface Caller {
  owner: string;
  role: Role;
  /** undefined where no keys are needed. */
  key: ApiKey | undefined;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before the handler of every operation that is not public. */
    caller: Caller | undefined;
  }
}

/** With AUTH=none, anyone who can reach the API. */
export const ANYONE: Caller = { owner: LOCAL_OWNER, role: 'admin', key: undefined };

/** Whose jobs the caller may see and change. */
export function scopeOf(request: FastifyRequest): Scope {
  const { owner, role } = callerOf(request);
  return role === 'admin' ? undefined : owner;
}

/** The caller of a request to an operation that is not public. */
export function callerOf(request: FastifyRequest): Caller {
  if (request.caller === undefined) throw new Error(`${request.method} ${request.url} has no caller`);
  return request.caller;
}
