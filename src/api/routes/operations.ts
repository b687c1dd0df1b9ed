import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { LivenessSchema, ReadinessSchema } from '../../contract/installation.ts';
import type { ApiDeps } from '../deps.ts';
import { ANY_HOST } from '../http/host-check.ts';
import { UNCOUNTED } from '../http/in-flight.ts';
import { ANY_LOAD } from '../http/pressure.ts';
import { UNLIMITED } from '../http/rate-limit.ts';
import { ReadyQuerySchema } from '../http/request-schemas.ts';
import { documented, json } from '../openapi/route-documentation.ts';
import type { ApiMetrics } from '../prometheus.ts';
import { checkReadiness } from '../readiness.ts';

export type OperationsDeps = ApiDeps & {
  metrics: ApiMetrics;
  /** The OpenAPI document as text; available once the app is ready. */
  openapi: () => string;
};

/** Routes for operators. */
export function operationRoutes(app: FastifyInstance, deps: OperationsDeps, done: () => void): void {
  const { version, metrics, openapi } = deps;

  app.get(
    '/livez',
    { config: { ...LIVEZ, ...ANY_HOST, ...UNLIMITED, ...ANY_LOAD, ...UNCOUNTED } },
    async () => ({
      status: 'ok',
      version,
    }),
  );

  app.withTypeProvider<ZodTypeProvider>().get(
    '/readyz',
    {
      schema: { querystring: ReadyQuerySchema },
      config: { ...READYZ, ...ANY_HOST, ...UNLIMITED, ...UNCOUNTED },
    },
    async ({ query }) => ({
      status: 'ready',
      version,
      checks: await checkReadiness(deps, query.exclude === 'workers'),
    }),
  );

  app.get(
    '/metrics',
    { config: { ...METRICS, ...ANY_HOST, ...UNLIMITED, ...ANY_LOAD, ...UNCOUNTED } },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.render()),
  );

  app.get('/openapi.json', { config: OPENAPI }, async (_request, reply) =>
    reply.type('application/json').send(openapi()),
  );
  done();
}

const LIVEZ = documented({
  operationId: 'getLiveness',
  tag: 'operations',
  access: 'public',
  summary: 'Is this process alive?',
  responses: { 200: json('The process is alive.', LivenessSchema) },
  problems: [],
});

const READYZ = documented({
  operationId: 'getReadiness',
  tag: 'operations',
  access: 'public',
  summary: 'Does this installation work?',
  description:
    'For monitoring: 503 while Redis is unusable, files cannot be read, accepted jobs do not reach the queue, or no worker takes jobs. A load balancer asks with `exclude=workers`, since an API serves without a worker.',
  responses: { 200: json('The installation works.', ReadinessSchema) },
  problems: ['store_unavailable', 'store_read_only', 'storage_full', 'not_ready'],
});

const METRICS = documented({
  operationId: 'getPrometheusMetrics',
  tag: 'operations',
  access: 'admin',
  summary: 'Metrics for Prometheus',
  responses: {
    200: {
      description: 'Metrics in the Prometheus text format.',
      content: { 'text/plain': { schema: { type: 'string' } } },
    },
  },
  problems: [],
});

const OPENAPI = documented({
  operationId: 'getOpenapi',
  tag: 'operations',
  access: 'public',
  summary: 'This document',
  responses: {
    200: {
      description: 'The OpenAPI 3.1 document.',
      content: { 'application/json': { schema: { type: 'object' } } },
    },
  },
  problems: [],
});
