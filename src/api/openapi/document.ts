import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Access } from '../../contract/access.ts';
import { PROBLEMS, type ProblemCode, ProblemSchema } from '../../contract/problem.ts';
import { problemType } from '../http/problems.ts';
import { isSafe } from '../http/safe-methods.ts';
import {
  type ContentDoc,
  type Documentation,
  documentationOf,
  type HeaderDoc,
  type ResponseDoc,
} from './route-documentation.ts';
import { OpenApiSchemas, type SchemaObject } from './schemas.ts';

/** The OpenAPI 3.1 document, generated from the schemas that validate requests. */

export type OpenApiDocument = Record<string, unknown> & {
  paths: Record<string, Record<string, unknown>>;
  components: { schemas: Record<string, SchemaObject>; [kind: string]: Record<string, unknown> };
};

interface CollectedRoute {
  method: string;
  url: string;
  documentation: Documentation;
  schema: Partial<Record<'body' | 'params' | 'querystring', z.ZodType>>;
}

/** Problems that any route may answer: they arise before routing or in code that all routes share. */
const ANYWHERE: readonly ProblemCode[] = [
  'malformed_request',
  'request_timeout',
  'payload_too_large',
  'misdirected_request',
  'validation_failed',
  'rate_limited',
  'headers_too_large',
  'internal',
  'overloaded',
];

/** Gathers the documented routes of an app as they are registered. */
export class RouteCollector {
  readonly #version: string;
  readonly #basePath: string;
  readonly #routes: CollectedRoute[] = [];
  #document: OpenApiDocument | undefined;
  #text: string | undefined;

  constructor(version: string, basePath: string) {
    this.#version = version;
    this.#basePath = basePath;
  }

  observe(app: FastifyInstance): void {
    app.addHook('onRoute', ({ method, url, config, schema }) => {
      const documentation = documentationOf(config);
      // HEAD is documented by its GET.
      if (documentation === undefined || method === 'HEAD') return;
      this.#routes.push({
        method: String(method).toLowerCase(),
        url,
        documentation,
        schema: (schema ?? {}) as CollectedRoute['schema'],
      });
    });
  }

  document(): OpenApiDocument {
    this.#document ??= underBasePath(this.#basePath, buildDocument(this.#routes, this.#version));
    return this.#document;
  }

  text(): string {
    this.#text ??= `${JSON.stringify(this.document(), null, 2)}\n`;
    return this.#text;
  }
}

function buildDocument(routes: readonly CollectedRoute[], version: string): OpenApiDocument {
  const schemas = new OpenApiSchemas(routes.flatMap(({ schema }) => schema.body ?? []));
  const problems = new ProblemResponses(schemas);
  const paths: OpenApiDocument['paths'] = {};
  for (const route of routes) {
    const path = route.url.replace(/:(\w+)/g, '{$1}');
    paths[path] ??= {};
    paths[path][route.method] = buildOperation(route, schemas, problems);
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Descent',
      version,
      summary: 'Trains neural networks.',
      description: describeApi(),
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/', description: 'This server.' }],
    tags: [
      { name: 'access', description: 'Who you are, and sessions for browsers.' },
      { name: 'jobs', description: 'Create, view, cancel and delete jobs.' },
      {
        name: 'watching',
        description: 'Follow a job: events, metrics, evaluation and charts, live and afterwards.',
      },
      { name: 'models', description: 'Finished models, in the formats of other tools.' },
      { name: 'datasets', description: 'Built-in datasets, and your own.' },
      { name: 'installation', description: 'The available engines and workers.' },
      { name: 'operations', description: 'For operators: probes, metrics and this document.' },
    ],
    paths,
    components: {
      schemas: schemas.components(),
      responses: problems.components,
      securitySchemes: SECURITY_SCHEMES,
    },
  };
}

/** Paths in the document are relative to its server; only the links in examples contain the base path. */
function underBasePath(basePath: string, document: OpenApiDocument): OpenApiDocument {
  if (basePath === '') return document;
  const isPath = (value: unknown) => typeof value === 'string' && value.startsWith('/');
  const text = JSON.stringify(document, (key, value: Record<string, unknown>) => {
    if (key !== 'links' || !Object.values(value).some(isPath)) return value;
    const under = ([name, path]: [string, unknown]) => [name, isPath(path) ? `${basePath}${path}` : path];
    return Object.fromEntries(Object.entries(value).map(under));
  });
  return {
    ...(JSON.parse(text) as OpenApiDocument),
    servers: [{ url: basePath, description: 'This server.' }],
  };
}

function describeApi(): string {
  const rows = Object.entries(PROBLEMS).map(
    ([code, { status, title }]) => `| \`${code}\` | ${status} | ${title} |`,
  );
  return [
    'Post a job, watch it learn, get the same bits every time.',
    'An unknown query parameter is refused (422), because it may be a mistyped filter. Parameters that other software adds to a URL are ignored: cache busters (`_`, `t`, `cb`, `nocache`, a bare number and the like), trackers (`utm_*`, `gclid`, `fbclid`, `ref` and the like), and names that begin with a single `_`. A parameter that takes one value is refused if it is empty or repeated.',
    'Requests that take no body accept the ways in which client libraries write an empty one: `{}`, `[]`, `null`, `""` or blanks, with any Content-Type. A body with content is refused (422).',
    'A request may have 100 headers and 16 KiB of path, query and headers, and must arrive within 30 seconds, its body within 10. A body may have 256 KiB, 1000 values and 32 levels. An answer lists at most 20 errors. A connection is closed when it has been idle for 72 seconds, or when somebody takes longer than 90 seconds to read an answer that is no event stream. When the server has as many connections as it takes, a new one replaces the one that has been idle longest; when none is idle, it gets a 503 and is closed. An unknown `Expect` and any `Upgrade` are ignored; CONNECT gets a 400.',
    'Every error is `application/problem+json` (RFC 9457). Programs branch on its `code`:',
    '<details><summary>All codes</summary>',
    ['| code | status | title |', '|---|---|---|', ...rows].join('\n'),
    '</details>',
  ].join('\n\n');
}

function buildOperation(route: CollectedRoute, schemas: OpenApiSchemas, problems: ProblemResponses): unknown {
  const { documentation, schema } = route;
  const { operationId, tag, summary, description, bodyExamples, bodies, requestHeaders = {} } = documentation;
  const parameters = [
    ...parametersOf('path', schema.params, schemas),
    ...parametersOf('query', schema.querystring, schemas),
    ...Object.entries(requestHeaders).map(([name, header]) => ({ name, in: 'header', ...header })),
  ];
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    security: securityOf(documentation.access),
    ...(parameters.length > 0 && { parameters }),
    ...(schema.body !== undefined && {
      requestBody: {
        required: true,
        content: bodies
          ? mapValues(bodies, (doc) => buildBody(doc, schemas))
          : { 'application/json': buildBody({ schema: schema.body, examples: bodyExamples }, schemas) },
      },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(documentation.responses).map(([status, doc]) => [status, buildResponse(doc, schemas)]),
      ),
      ...problems.responses(new Set([...ANYWHERE, ...problemsOfAccess(route), ...documentation.problems])),
    },
  };
}

/** Access is stated as a role, which OpenAPI 3.1 allows for these kinds of scheme. */
const securityOf = (access: Access): Record<string, string[]>[] =>
  access === 'public' ? [] : [{ key: [access] }, { session: [access] }];

const SECURITY_SCHEMES = {
  key: {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key. Where the operator has chosen AUTH=none, none is needed.',
  },
  session: { type: 'apiKey', in: 'cookie', name: 'descent_session', description: 'From `POST /session`.' },
};

function problemsOfAccess({ method, documentation: { access } }: CollectedRoute): ProblemCode[] {
  const ofOrigin: ProblemCode[] = isSafe(method.toUpperCase()) ? [] : ['foreign_origin'];
  return access === 'public'
    ? ofOrigin
    : ['unauthenticated', 'forbidden', ...ofOrigin, 'too_many_bad_keys', 'store_unavailable'];
}

function parametersOf(
  where: 'path' | 'query',
  schema: z.ZodType | undefined,
  schemas: OpenApiSchemas,
): unknown[] {
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape as Record<string, z.ZodType>).map(([name, field]) => {
    const { description, ...rest } = schemas.input(field);
    const required = where === 'path' || !field.safeParse(undefined).success;
    return {
      name,
      in: where,
      required,
      ...(description !== undefined && { description }),
      // name[key]=value
      ...(rest.type === 'object' && { style: 'deepObject', explode: true }),
      schema: rest,
    };
  });
}

function buildResponse({ description, content, headers }: ResponseDoc, schemas: OpenApiSchemas): unknown {
  return {
    description,
    ...(headers && { headers: buildHeaders(headers) }),
    ...(content && {
      content: mapValues(content, (doc) => buildContent(doc, schemas)),
    }),
  };
}

const mapValues = <From, To>(object: Record<string, From>, change: (value: From) => To): Record<string, To> =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));

const buildHeaders = (headers: Record<string, HeaderDoc>): Record<string, HeaderDoc> =>
  Object.fromEntries(Object.entries(headers).map(([name, header]) => [name, { ...header }]));

const buildBody = ({ schema, examples }: ContentDoc, schemas: OpenApiSchemas): unknown => ({
  schema: schema instanceof z.ZodType ? schemas.input(schema) : schema,
  ...(examples && { examples }),
});

const buildContent = ({ schema, examples }: ContentDoc, schemas: OpenApiSchemas): unknown => ({
  schema: schema instanceof z.ZodType ? schemas.output(schema) : schema,
  ...(examples && { examples }),
});

const RETRY_AFTER: HeaderDoc = {
  description: 'Seconds to wait before you retry the request.',
  schema: { type: 'integer', minimum: 0 },
  required: true,
};

/** Problems of one status share a response. Responses are components, because many operations have the same ones. */
class ProblemResponses {
  readonly components: Record<string, unknown> = {};
  readonly #schema: SchemaObject;

  constructor(schemas: OpenApiSchemas) {
    this.#schema = schemas.output(ProblemSchema);
  }

  /** $refs by status. */
  responses(codes: ReadonlySet<ProblemCode>): Record<string, { $ref: string }> {
    const byStatus = new Map<number, ProblemCode[]>();
    for (const code of codes) {
      const { status } = PROBLEMS[code];
      byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
    }
    return Object.fromEntries(
      [...byStatus].map(([status, group]) => [status, this.#component(status, group)]),
    );
  }

  #component(status: number, codes: readonly ProblemCode[]): { $ref: string } {
    const name = codes.map(pascalCase).join('Or');
    const retry = status === 429 || status === 503;
    this.components[name] ??= {
      description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(' '),
      ...(retry && { headers: { 'Retry-After': RETRY_AFTER } }),
      content: {
        'application/problem+json': {
          schema: this.#schema,
          examples: Object.fromEntries(codes.map((code) => [code, exampleOf(code)])),
        },
      },
    };
    return { $ref: `#/components/responses/${name}` };
  }
}

const pascalCase = (code: string): string =>
  code.replace(/(?:^|_)(\w)/g, (_match, letter: string) => letter.toUpperCase());

const exampleOf = (code: ProblemCode) => ({
  summary: PROBLEMS[code].title,
  value: {
    type: problemType(code),
    title: PROBLEMS[code].title,
    status: PROBLEMS[code].status,
    detail: 'What was wrong with this request, and how to fix it.',
    instance: 'urn:uuid:7d9f2a3e-6f1c-4b9a-8f0e-2c1d5b6a7e80',
    code,
    ...(code === 'validation_failed' && {
      errors: [
        {
          in: 'body',
          pointer: '/training/epochs',
          detail: 'must be a whole number from 1 to 1000 (default 10); got 0',
        },
      ],
    }),
  },
});
