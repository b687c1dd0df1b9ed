import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { type ChartName, drawEpochChart } from '../../charts/epoch-chart.ts';
import { type ApiDeps, OWNER } from '../deps.ts';
import { etagOf, sendCacheable } from '../http/conditional.ts';
import { jobNotFound } from '../http/problems.ts';
import { JobPathSchema } from '../http/request-schemas.ts';
import { documented, ETAG_HEADER, IF_NONE_MATCH } from '../openapi/route-documentation.ts';

const CHARTS: readonly ChartName[] = ['loss', 'accuracy'];

/** Pictures a README can link. */
export function chartRoutes(app: FastifyInstance, { store, events }: ApiDeps, done: () => void): void {
  for (const chart of CHARTS) {
    app.withTypeProvider<ZodTypeProvider>().route({
      method: 'GET',
      url: `/jobs/:id/charts/${chart}.svg`,
      schema: { params: JobPathSchema },
      config: documentationOfChart(chart),
      handler: async (request, reply) => {
        const { id } = request.params;
        const job = await store.get(OWNER, id);
        if (job === undefined) throw jobNotFound();
        const content = drawEpochChart(
          chart,
          job.spec.name ?? id,
          await events.metrics(id, 0),
          job.spec.training.epochs,
        );
        // Other sites may show it; everything else is kept to this one by helmet.
        reply.header('cross-origin-resource-policy', 'cross-origin');
        return sendCacheable(request, reply, {
          content,
          type: 'image/svg+xml; charset=utf-8',
          etag: etagOf(content),
          cacheControl: job.terminal ? 'public, max-age=3600' : 'no-cache',
        });
      },
    });
  }
  done();
}

const documentationOfChart = (chart: ChartName) =>
  documented({
    operationId: chart === 'loss' ? 'getLossChart' : 'getAccuracyChart',
    tag: 'watching',
    summary: `${chart === 'loss' ? 'Loss' : 'Accuracy'} against epochs, as a picture`,
    description:
      'Of training and validation rows. Before the first epoch has ended: axes and "no epochs yet".',
    requestHeaders: { 'If-None-Match': IF_NONE_MATCH },
    responses: {
      200: {
        description: 'The picture.',
        headers: { ETag: ETAG_HEADER },
        content: { 'image/svg+xml': { schema: { type: 'string' } } },
      },
      304: { description: 'You have it.', headers: { ETag: ETAG_HEADER } },
    },
    problems: ['job_not_found', 'store_unavailable'],
  });
