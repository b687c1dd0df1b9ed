import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { type ComparedCurve, drawComparisonChart } from '../../charts/comparison-chart.ts';
import { curveTitle, pointsOf } from '../../charts/curve.ts';
import { CURVES, type Curve } from '../../contract/comparison.ts';
import { parseRows } from '../../store/job-events.ts';
import { jobOf } from '../../store/job-view.ts';
import { scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { isUnchanged } from '../http/conditional.ts';
import { jobsNotFound } from '../http/problems.ts';
import { CompareChartQuerySchema } from '../http/request-schemas.ts';
import { documented, IF_NONE_MATCH, NOT_MODIFIED } from '../openapi/route-documentation.ts';
import { allowEmbedding, SVG, sendSvg } from '../svg.ts';
import { thinRows } from '../thin-rows.ts';

/** Points of all jobs together, about 11 bytes each; two jobs have more of them than pixels. */
const MOST_POINTS = 10_000;

/** GET /compare/charts/{metric}.svg: a measure of several jobs in one picture. */
export function compareChartRoutes(app: FastifyInstance, { store, events }: ApiDeps, done: () => void): void {
  for (const curve of CURVES) {
    app.withTypeProvider<ZodTypeProvider>().route({
      method: 'GET',
      url: `/compare/charts/${curve}.svg`,
      schema: { querystring: CompareChartQuerySchema },
      config: documentationOfChart(curve),
      handler: async (request, reply) => {
        const { jobs: ids, scale } = request.query;
        const scope = scopeOf(request);
        allowEmbedding(reply);
        const heads = await Promise.all(ids.map((id) => store.head(scope, id)));
        const missing = ids.filter((_, j) => heads[j] === undefined);
        if (missing.length > 0) throw jobsNotFound(missing);
        const key = JSON.stringify([scale, ids, heads.map((head) => head?.etag)]);
        const etag = `"${createHash('sha256').update(key).digest('base64url')}"`;
        if (isUnchanged(request, reply, etag)) return reply.send();
        const compared: ComparedCurve[] = [];
        // One after another, so that others get their turn between two long histories.
        for (const [j, id] of ids.entries()) {
          const view = await store.get(scope, id);
          if (view === undefined) throw jobsNotFound([id]);
          const { spec } = jobOf(view);
          const points = pointsOf(parseRows(await events.metrics(id, 0, heads[j]!)), curve);
          compared.push({
            id,
            name: spec.name,
            points: thinRows(points, Math.floor(MOST_POINTS / ids.length), ['y']),
            epochs: spec.training.epochs,
          });
        }
        return sendSvg(reply, drawComparisonChart(curve, scale, compared));
      },
    });
  }
  done();
}

const documentationOfChart = (curve: Curve) =>
  documented({
    operationId: `compare${curveTitle(curve).replace(' ', '')}`,
    tag: 'watching',
    access: 'reader',
    summary: `${curveTitle(curve)} of several jobs, as one SVG chart`,
    description:
      'A line for each job, which has the same colour in every picture, and a legend with its name. A long history is thinned without losing its peaks.',
    requestHeaders: { 'If-None-Match': IF_NONE_MATCH },
    responses: { 200: SVG, 304: NOT_MODIFIED },
    problems: ['job_not_found', 'job_unreadable', 'store_unavailable'],
  });
