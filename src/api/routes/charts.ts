import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { type ChartName, drawEpochChart } from '../../charts/epoch-chart.ts';
import { parseRows } from '../../store/job-events.ts';
import { jobOf } from '../../store/job-view.ts';
import { scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { isUnchanged } from '../http/conditional.ts';
import { jobNotFound } from '../http/problems.ts';
import { JobPathSchema } from '../http/request-schemas.ts';
import { CACHE_HEADERS, documented, IF_NONE_MATCH, NOT_MODIFIED } from '../openapi/route-documentation.ts';

const CHARTS: readonly ChartName[] = ['loss', 'accuracy'];

/** Charts as SVG that a README can embed. */
export function chartRoutes(app: FastifyInstance, { store, events }: ApiDeps, done: () => void): void {
  for (const chart of CHARTS) {
    app.withTypeProvider<ZodTypeProvider>().route({
      method: 'GET',
      url: `/jobs/:id/charts/${chart}.svg`,
      schema: { params: JobPathSchema },
      config: documentationOfChart(chart),
      handler: async (request, reply) => {
        const { id } = request.params;
        // Other sites may embed charts; the security headers keep everything else to this origin.
        reply.header('cross-origin-resource-policy', 'cross-origin');
        // A chart changes only with an event, so the ETag of the events fits.
        const head = await store.head(scopeOf(request), id);
        if (head === undefined) throw jobNotFound();
        if (isUnchanged(request, reply, head.etag)) return reply.send();
        const view = await store.get(scopeOf(request), id);
        if (view === undefined) throw jobNotFound();
        const { spec } = jobOf(view);
        const content = drawEpochChart(
          chart,
          spec.name ?? id,
          parseRows(await events.metrics(id, 0, head)),
          spec.training.epochs,
        );
        return reply.type('image/svg+xml; charset=utf-8').send(content);
      },
    });
  }
  done();
}

const documentationOfChart = (chart: ChartName) =>
  documented({
    operationId: chart === 'loss' ? 'getLossChart' : 'getAccuracyChart',
    tag: 'watching',
    access: 'reader',
    summary: `${chart === 'loss' ? 'Loss' : 'Accuracy'} per epoch, as an SVG chart`,
    description:
      'Shows the training and the validation rows. Before the first epoch has ended: empty axes and "no epochs yet".',
    requestHeaders: { 'If-None-Match': IF_NONE_MATCH },
    responses: {
      200: {
        description: 'The chart.',
        headers: CACHE_HEADERS,
        content: { 'image/svg+xml': { schema: { type: 'string' } } },
      },
      304: NOT_MODIFIED,
    },
    problems: ['job_not_found', 'job_unreadable', 'store_unavailable'],
  });
