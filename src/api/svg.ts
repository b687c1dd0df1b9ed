import type { FastifyReply } from 'fastify';
import { CACHE_HEADERS, type ResponseDoc } from './openapi/route-documentation.ts';

/** What the routes of pictures have in common. */

/** Pages of other sites may embed a picture; the security headers keep everything else to this origin. */
export const allowEmbedding = (reply: FastifyReply): FastifyReply =>
  reply.header('cross-origin-resource-policy', 'cross-origin');

export const sendSvg = (reply: FastifyReply, svg: string): FastifyReply =>
  reply.type('image/svg+xml; charset=utf-8').send(svg);

export const SVG: ResponseDoc = {
  description: 'The chart.',
  headers: CACHE_HEADERS,
  content: { 'image/svg+xml': { schema: { type: 'string' } } },
};
