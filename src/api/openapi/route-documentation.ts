import type { FastifyContextConfig } from 'fastify';
import type { z } from 'zod';
import type { Access } from '../../contract/access.ts';
import type { ProblemCode } from '../../contract/problem.ts';

/** Documentation of routes that validation does not need, kept in each route's config for the OpenAPI document. */

export type Tag = 'access' | 'jobs' | 'watching' | 'models' | 'datasets' | 'installation' | 'operations';

export interface Example {
  summary: string;
  value: unknown;
}

export interface HeaderDoc {
  description: string;
  schema: Record<string, unknown>;
  required?: boolean;
}

export interface ContentDoc {
  schema: z.ZodType | Record<string, unknown>;
  examples?: Record<string, Example> | undefined;
}

export interface ResponseDoc {
  description: string;
  content?: Record<string, ContentDoc>;
  headers?: Record<string, HeaderDoc>;
}

export interface Documentation {
  operationId: string;
  tag: Tag;
  /** The least role that the operation needs. */
  access: Access;
  summary: string;
  description?: string;
  bodyExamples?: Record<string, Example>;
  /** The bodies of a request that takes other types than JSON. */
  bodies?: Record<string, ContentDoc>;
  requestHeaders?: Record<string, HeaderDoc>;
  responses: Record<number, ResponseDoc>;
  /** The problems of this route, besides those that any route may answer. */
  problems: readonly ProblemCode[];
}

const KEY = 'documentation';

/** Puts a documentation into a route's config, where `documentationOf` finds it. */
export const documented = (documentation: Documentation): FastifyContextConfig =>
  ({ [KEY]: documentation }) as FastifyContextConfig;

export const documentationOf = (config: unknown): Documentation | undefined =>
  (config as Record<string, Documentation | undefined> | undefined)?.[KEY];

/** A JSON response. */
export const json = (
  description: string,
  schema: z.ZodType,
  more: Omit<ResponseDoc, 'description' | 'content'> & Pick<ContentDoc, 'examples'> = {},
): ResponseDoc => {
  const { examples, ...rest } = more;
  return { description, content: { 'application/json': { schema, ...(examples && { examples }) } }, ...rest };
};

const ETAG_HEADER: HeaderDoc = {
  description: 'Send it as If-None-Match in the next request: the answer is 304 while nothing has changed.',
  schema: { type: 'string' },
};

/** The headers of responses that are private to the owner and must be revalidated before each use. */
export const CACHE_HEADERS: Record<string, HeaderDoc> = {
  ETag: ETAG_HEADER,
  'Cache-Control': { description: 'private, no-cache', schema: { type: 'string' } },
  Vary: { description: 'The request headers that the response depends on.', schema: { type: 'string' } },
};

export const NOT_MODIFIED: ResponseDoc = {
  description: 'Not modified: you already have this representation.',
  headers: CACHE_HEADERS,
};

export const IF_NONE_MATCH: HeaderDoc = {
  description: 'The ETag of the representation that you already have.',
  schema: { type: 'string' },
};
