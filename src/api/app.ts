import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyInstance, LogController } from 'fastify';
import { Authentication, accessOf } from './access/authentication.ts';
import { DatasetUploads } from './dataset-uploads.ts';
import { type ApiDeps, DEFAULT_TIMING } from './deps.ts';
import { EventStreams } from './event-streams.ts';
import { FeedStreams } from './feed-streams.ts';
import { buildHostCheck } from './http/host-check.ts';
import { buildServerFactory, refuseManyHeaders } from './http/http-server.ts';
import { InFlight } from './http/in-flight.ts';
import { acceptNoBody } from './http/no-body.ts';
import { PathMethods } from './http/path-methods.ts';
import { refuseUnderPressure } from './http/pressure.ts';
import { ProblemError, sendProblem } from './http/problems.ts';
import { parseQuery } from './http/query.ts';
import { buildRateLimit } from './http/rate-limit.ts';
import { NoQuerySchema } from './http/request-schemas.ts';
import { securityHeaders } from './http/security-headers.ts';
import { TokenBuckets } from './http/token-buckets.ts';
import { buildUnreadRefusal } from './http/unread-refusal.ts';
import { validatorCompiler } from './http/validation-errors.ts';
import { JobEstimates } from './job-estimates.ts';
import { JobWaits } from './job-waits.ts';
import { LastingResponses } from './lasting-responses.ts';
import { withoutBasePath } from './links.ts';
import { ModelRoom } from './model-room.ts';
import { docsPage } from './openapi/docs-page.ts';
import { type OpenApiDocument, RouteCollector } from './openapi/document.ts';
import { documentationOf } from './openapi/route-documentation.ts';
import { ApiMetrics } from './prometheus.ts';
import { Remembered } from './remembered.ts';
import { chartRoutes } from './routes/charts.ts';
import { checkpointRoutes } from './routes/checkpoints.ts';
import { compareRoute } from './routes/compare.ts';
import { compareChartRoutes } from './routes/compare-charts.ts';
import { controlRoutes } from './routes/control.ts';
import { createJobRoute } from './routes/create-job.ts';
import { datasetRoutes } from './routes/datasets.ts';
import { deliveryRoutes } from './routes/deliveries.ts';
import { evaluationRowsRoutes } from './routes/evaluation-rows.ts';
import { eventRoutes } from './routes/events.ts';
import { feedRoute } from './routes/feed.ts';
import { forkRoutes } from './routes/fork.ts';
import { historyRoutes } from './routes/history.ts';
import { installationRoutes } from './routes/installation.ts';
import { jobRoutes } from './routes/jobs.ts';
import { modelRoutes } from './routes/model.ts';
import { operationRoutes } from './routes/operations.ts';
import { pageRoutes } from './routes/page.ts';
import { predictRoute } from './routes/predict.ts';
import { sessionRoutes } from './routes/session.ts';
import { uploadDatasetRoute } from './routes/upload-dataset.ts';
import { validateJobRoute } from './routes/validate-job.ts';
import { verifyRoute } from './routes/verify.ts';

/** Workers come and go slowly, and asking for them at each POST would cost two round trips. */
const WORKERS_MS = 2_000;

const BODY_LIMIT_BYTES = 256 * 1024;

/** The longest parameter is a job's id; a longer one is not a path of this API. */
const MAX_PARAM_LENGTH = 200;

export interface App {
  fastify: FastifyInstance;
  /** The OpenAPI document; available once the app is ready. */
  openapi: () => OpenApiDocument;
}

/** The whole HTTP API, ready to listen or for `inject`. It neither opens nor closes anything in `deps`. */
export async function buildApp(deps: ApiDeps): Promise<App> {
  const timing = { ...DEFAULT_TIMING, ...deps.timing };
  const app: FastifyInstance = Fastify({
    ...(deps.logger === undefined ? { logger: false } : { loggerInstance: deps.logger }),
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    requestIdHeader: false,
    trustProxy: false,
    bodyLimit: BODY_LIMIT_BYTES,
    serverFactory: buildServerFactory(
      timing,
      deps.maxConnections,
      (response) => lasting.has(response) || uploads.has(response),
      (request, response) => !closing && refuseUnread(request, response),
    ),
    // A shutdown gets a problem of our own.
    return503OnClosing: false,
    routerOptions: {
      ignoreTrailingSlash: true,
      maxParamLength: MAX_PARAM_LENGTH,
      querystringParser: parseQuery,
    },
    rewriteUrl: ({ url = '/' }) => withoutBasePath(deps.basePath, url),
    frameworkErrors: sendProblem,
    // The server factory has the handler, because it knows all servers.
    clientErrorHandler: () => {},
  });
  app.setErrorHandler(sendProblem);
  // Reached only below /docs and for files of the page that are not there: everywhere else `methods.answer` comes first.
  app.setNotFoundHandler(async () => {
    throw methods.notFound();
  });
  app.setValidatorCompiler(validatorCompiler);
  acceptNoBody(app);

  const authentication = new Authentication(deps);
  const lasting = new LastingResponses(deps);
  const streams = new EventStreams({ ...deps, authentication }, lasting, timing);
  const feeds = new FeedStreams({ ...deps, authentication }, lasting, timing);
  const uploads = new DatasetUploads(deps, timing.upload);
  const waits = new JobWaits({ ...deps, authentication }, lasting, timing);
  const metrics = new ApiMetrics(deps, lasting);
  const methods = new PathMethods(deps.basePath);
  const routes = new RouteCollector(deps.version, deps.basePath);
  const standardHeaders = { ...securityHeaders(), 'cache-control': 'no-store' };
  const inFlight = new InFlight(timing.inFlight);
  const { origins } = authentication;
  const refuseUnread = buildUnreadRefusal({
    inFlight,
    headersFor: (request) => ({ ...standardHeaders, ...origins.corsHeaders(request) }),
    observe: metrics.observeUnread,
  });
  let closing = false;

  app.decorateRequest('caller', undefined);
  app.addHook('onRoute', (route) => {
    accessOf(route);
    // A server-wide handlerTimeout would cut off the event streams.
    if (route.url !== '/jobs/:id/events') route.handlerTimeout ??= timing.handlerTimeoutMs;
    // The page below /docs is Swagger UI's: it may take any query.
    if (documentationOf(route.config) !== undefined) {
      route.schema = { querystring: NoQuerySchema, ...route.schema };
    }
  });
  methods.observe(app);
  routes.observe(app);
  app.addHook('preClose', async () => {
    closing = true;
    lasting.endAll();
    uploads.endAll();
  });
  app.addHook('onResponse', metrics.observe);

  app.addHook('onRequest', async (request, reply) => {
    reply.headers(standardHeaders).headers(origins.corsHeaders(request.raw)).header('request-id', request.id);
    if (closing) {
      throw new ProblemError('overloaded', 'This server is shutting down. Retry in a few seconds.', {
        headers: { 'retry-after': '5', connection: 'close' },
      });
    }
  });
  app.addHook('onRequest', refuseManyHeaders);
  inFlight.limit(app);
  // With keys, a page under another name gets nothing: browsers send it no session.
  if (deps.auth === 'none') app.addHook('onRequest', buildHostCheck(deps.allowedHosts));
  refuseUnderPressure(app, timing.maxEventLoopDelayMs);
  app.addHook('onRequest', methods.answer);
  app.addHook('onRequest', authentication.check);
  const { requestsPerMinute } = deps.quotas;
  const buckets = requestsPerMinute === undefined ? undefined : new TokenBuckets(requestsPerMinute);
  if (requestsPerMinute !== undefined && buckets !== undefined) {
    app.addHook('onRequest', buildRateLimit(buckets, requestsPerMinute));
  }

  const liveWorkers = new Remembered(() => deps.workers.list(), WORKERS_MS);
  const planning = { liveWorkers, estimates: new JobEstimates(deps, liveWorkers) };
  await app.register(createJobRoute, { ...deps, ...planning, lasting, waits });
  await app.register(validateJobRoute, { ...deps, ...planning });
  await app.register(jobRoutes, { ...deps, lasting, waits });
  await app.register(controlRoutes, deps);
  await app.register(historyRoutes, deps);
  await app.register(deliveryRoutes, deps);
  await app.register(eventRoutes, { ...deps, streams, lasting });
  await app.register(feedRoute, { ...deps, feeds, lasting });
  await app.register(chartRoutes, deps);
  await app.register(compareRoute, deps);
  await app.register(compareChartRoutes, deps);
  const room = new ModelRoom(deps.modelBytes);
  await app.register(modelRoutes, { ...deps, room });
  await app.register(checkpointRoutes, deps);
  await app.register(forkRoutes, { ...deps, ...planning, lasting, waits, room });
  await app.register(verifyRoute, { ...deps, ...planning, lasting, waits, room });
  await app.register(predictRoute, { ...deps, room });
  await app.register(evaluationRowsRoutes, { ...deps, room });
  await app.register(sessionRoutes, { ...deps, authentication, lasting, buckets });
  await app.register(datasetRoutes, deps);
  await app.register(uploadDatasetRoute, {
    ...deps,
    uploads,
    // It may wait for others to be read.
    handlerTimeoutMs: 2 * timing.upload.totalMs,
  });
  await app.register(installationRoutes, deps);
  await app.register(operationRoutes, { ...deps, metrics, openapi: () => routes.text() });
  await app.register(pageRoutes, { basePath: deps.basePath });
  await app.register(docsPage, { basePath: deps.basePath, openapi: () => routes.document() });

  return { fastify: app, openapi: () => routes.document() };
}
