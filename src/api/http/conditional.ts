import { createHash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Whether a request already has this representation (RFC 9110, 13.1.2: the comparison is weak). */
export function hasAlready(request: FastifyRequest, etag: string): boolean {
  const header = request.headers['if-none-match'];
  if (header === undefined) return false;
  if (header.trim() === '*') return true;
  return header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

export const etagOf = (content: string): string =>
  `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`;

/** Sends what is JSON already. */
export const sendJson = (reply: FastifyReply, text: string): FastifyReply =>
  reply.type('application/json; charset=utf-8').send(text);

export interface Cacheable {
  content: string | Buffer;
  type: string;
  etag: string;
  cacheControl: string;
}

/** Sends a representation, or 304 to those who have it. */
export function sendCacheable(request: FastifyRequest, reply: FastifyReply, answer: Cacheable): FastifyReply {
  reply.header('etag', answer.etag).header('cache-control', answer.cacheControl);
  return hasAlready(request, answer.etag)
    ? reply.code(304).send()
    : reply.type(answer.type).send(answer.content);
}
