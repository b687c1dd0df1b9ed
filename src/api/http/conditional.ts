import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * Conditional requests (RFC 9110, 13). What a job shows is its owner's, so shared caches keep none of it, and every use
 * of a copy is asked about first; the question is cheap.
 */
const CACHE_CONTROL = 'private, no-cache';
const VARY = 'Authorization, Cookie';

/** Whether a request already has this representation (RFC 9110, 13.1.2: the comparison is weak). */
function hasAlready(request: FastifyRequest, etag: string): boolean {
  const header = request.headers['if-none-match'];
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

/** Whether a look at the ETag alone may be enough. */
export const isConditional = (request: FastifyRequest): boolean =>
  request.headers['if-none-match'] !== undefined;

/**
 * Names the representation that the reply will carry.
 * @returns true when the client has it: the reply is then a 304 and complete.
 */
export function isUnchanged(request: FastifyRequest, reply: FastifyReply, etag: string): boolean {
  const vary = reply.getHeader('vary');
  reply
    .header('etag', etag)
    .header('cache-control', CACHE_CONTROL)
    .header('vary', vary === undefined ? VARY : `${vary}, ${VARY}`);
  if (!hasAlready(request, etag)) return false;
  reply.code(304);
  return true;
}

/** Sends what is JSON already. */
export const sendJson = (reply: FastifyReply, text: string | Buffer): FastifyReply =>
  reply.type('application/json; charset=utf-8').send(text);
