import type { FastifyReply, FastifyRequest } from 'fastify';
import { addVary } from './vary.ts';

/**
 * Conditional requests (RFC 9110, 13). Jobs are private to their owner, so shared caches must not store them, and other
 * caches must revalidate before each use, which is cheap.
 */
const CACHE_CONTROL = 'private, no-cache';

/** Whether the client already has this representation (RFC 9110, 13.1.2: the comparison is weak). */
export function hasAlready(request: FastifyRequest, etag: string): boolean {
  const header = request.headers['if-none-match'];
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

/**
 * The If-Match of the request (RFC 9110, 13.1.1): whether it holds for a representation with this ETag; the comparison is
 * strong. `undefined`: the request has none.
 */
export function isWanted(request: FastifyRequest, etag: string): boolean | undefined {
  const header = request.headers['if-match'];
  if (header === undefined) return undefined;
  return header.split(',').some((tag) => tag.trim() === '*' || tag.trim() === etag);
}

/** Whether comparing the ETag may be enough to answer the request. */
export const isConditional = (request: FastifyRequest): boolean =>
  request.headers['if-none-match'] !== undefined;

/**
 * Sets the ETag and the caching headers of the representation.
 * @returns true when the client already has it; the reply is then a complete 304.
 */
export function isUnchanged(request: FastifyRequest, reply: FastifyReply, etag: string): boolean {
  reply.header('etag', etag).header('cache-control', CACHE_CONTROL);
  addVary(reply, 'Authorization, Cookie');
  if (!hasAlready(request, etag)) return false;
  reply.code(304);
  return true;
}

export const JSON_TYPE = 'application/json; charset=utf-8';

/** Sends text that is already JSON. */
export const sendJson = (reply: FastifyReply, text: string | Buffer): FastifyReply =>
  reply.type(JSON_TYPE).send(text);
