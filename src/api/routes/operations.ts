import type { FastifyInstance } from 'fastify';
import { LivenessSchema, ReadinessSchema } from '../../contract/installation.ts';
import type { ApiDeps } from '../deps.ts';
import { ANY_HOST } from '../http/host-check.ts';
import { documented, json } from '../openapi/route-documentation.ts';
import type { ApiMetrics } from '../prometheus.ts';
import { checkReadiness } from '../readiness.ts';

export type OperationsDeps = ApiDeps & {
  metrics: ApiMetrics;
  /** The OpenAPI document as text; available once the app is ready. */
  openapi: () => string;
};

/** For a route's config: answers even under pressure, because a failed probe may get the process killed. */
const ALWAYS = { pressureHandler: () => undefined };

/** Routes for operators. */
export function operationRoutes(app: FastifyInstance, deps: OperationsDeps, done: () => void): void {
  const { version, basePath, metrics, openapi } = deps;

  app.get('/', { config: ROOT }, async (_request, reply) => reply.redirect(`${basePath}/docs`, 302));

  app.get('/livez', { config: { ...LIVEZ, ...ANY_HOST, ...ALWAYS } }, async () => ({
    status: 'ok',
    version,
  }));

  app.get('/readyz', { config: { ...READYZ, ...ANY_HOST } }, async () => ({
    status: 'ready',
    version,
    checks: await checkReadiness(deps),
  }));

  app.get('/metrics', { config: { ...METRICS, ...ANY_HOST, ...ALWAYS } }, async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.render()),
  );

  app.get('/openapi.json', { config: OPENAPI }, async (_request, reply) =>
    reply.type('application/json').send(openapi()),
  );
  done();
}

const ROOT = documented({
  operationId: 'getRoot',
  tag: 'operations',
  summary: 'Redirect to /docs',
  responses: {
    302: {
      description: 'A redirect to /docs.',
      headers: { Location: { description: 'The path of /docs.', schema: { type: 'string' } } },
    },
  },
  problems: [],
});

const LIVEZ = documented({
  operationId: 'getLiveness',
  tag: 'operations',
  summary: 'Is this process alive?',
  responses: { 200: json('The process is alive.', LivenessSchema) },
  problems: [],
});

const READYZ = documented({
  operationId: 'getReadiness',
  tag: 'operations',
  summary: 'Can this process serve requests?',
  responses: {
    200: json('The process is ready; `checks` reports other faults of the installation.', ReadinessSchema),
  },
  problems: ['store_unavailable', 'store_read_only', 'storage_full'],
});

const METRICS = documented({
  operationId: 'getPrometheusMetrics',
  tag: 'operations',
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
  summary: 'This document',
  responses: {
    200: {
      description: 'The OpenAPI 3.1 document.',
      content: { 'application/json': { schema: { type: 'object' } } },
    },
  },
  problems: [],
});
