import type { FastifyReply } from 'fastify';

/** Adds request headers, separated by commas, to those that the answer depends on (RFC 9110, 12.5.5). */
export function addVary(reply: FastifyReply, names: string): void {
  const before = reply.getHeader('vary');
  reply.header('vary', before === undefined ? names : `${before}, ${names}`);
}
