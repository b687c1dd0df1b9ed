import type { FastifyContextConfig } from 'fastify';
import type { z } from 'zod';
import type { ProblemCode } from '../../contract/problem.ts';

/** What the OpenAPI document says of a route and validation does not need; it lies in the route's config. */

export type Tag = 'jobs' | 'watching' | 'installation' | 'operations';

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
  examples?: Record<string, Example>;
}

export interface ResponseDoc {
  description: string;
  content?: Record<string, ContentDoc>;
  headers?: Record<string, HeaderDoc>;
}

export interface Documentation {
  operationId: string;
  tag: Tag;
  summary: string;
  description?: string;
  bodyExamples?: Record<string, Example>;
  requestHeaders?: Record<string, HeaderDoc>;
  responses: Record<number, ResponseDoc>;
  /** The problems of this route; those that any route may answer are added. */
  problems: readonly ProblemCode[];
}

const KEY = 'documentation';

/** Puts a documentation into a route's config, where `documentationOf` finds it. */
export const documented = (documentation: Documentation): FastifyContextConfig =>
  ({ [KEY]: documentation }) as FastifyContextConfig;

export const documentationOf = (config: unknown): Documentation | undefined =>
  (config as Record<string, Documentation | undefined> | undefined)?.[KEY];

/** A 200 of JSON, the commonest of all. */
export const json = (
  description: string,
  schema: z.ZodType,
  more: Omit<ResponseDoc, 'description' | 'content'> & Pick<ContentDoc, 'examples'> = {},
): ResponseDoc => {
  const { examples, ...rest } = more;
  return { description, content: { 'application/json': { schema, ...(examples && { examples }) } }, ...rest };
};

const ETAG_HEADER: HeaderDoc = {
  description: 'Send it back as If-None-Match: 304 says that nothing has changed.',
  schema: { type: 'string' },
};

/** Of what only its owner may see, and what is asked about before each use. */
export const CACHE_HEADERS: Record<string, HeaderDoc> = {
  ETag: ETAG_HEADER,
  'Cache-Control': { description: 'private, no-cache', schema: { type: 'string' } },
  Vary: { description: 'What the answer depends on besides the path.', schema: { type: 'string' } },
};

export const NOT_MODIFIED: ResponseDoc = { description: 'You have it.', headers: CACHE_HEADERS };

export const IF_NONE_MATCH: HeaderDoc = {
  description: 'The ETag of the representation you have.',
  schema: { type: 'string' },
};
