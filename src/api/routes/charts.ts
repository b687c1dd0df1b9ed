import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { drawConfusionChart } from '../../charts/confusion-chart.ts';
import { type ChartName, drawEpochChart } from '../../charts/epoch-chart.ts';
import { EvaluationSchema } from '../../contract/evaluation.ts';
import { parseRows } from '../../store/job-events.ts';
import { jobOf } from '../../store/job-view.ts';
import { scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { isUnchanged } from '../http/conditional.ts';
import { jobNotFound } from '../http/problems.ts';
import { JobPathSchema } from '../http/request-schemas.ts';
import { missingFile, notFinished } from '../job-files.ts';
import { documented, IF_NONE_MATCH, NOT_MODIFIED } from '../openapi/route-documentation.ts';
import { allowEmbedding, SVG, sendSvg } from '../svg.ts';

/** What is drawn of an evaluation; a later version's may have more. */
const DrawnSchema = z.object({
  ...EvaluationSchema.pick({ rows: true, accuracy: true, confusion_matrix: true }).shape,
  classes: z.array(z.object({ label: z.string() })),
});

const CHARTS: readonly ChartName[] = ['loss', 'accuracy'];

/** A job's charts as SVG that a README can embed. */
export function chartRoutes(
  app: FastifyInstance,
  { store, events, artifacts }: ApiDeps,
  done: () => void,
): void {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  for (const chart of CHARTS) {
    routes.route({
      method: 'GET',
      url: `/jobs/:id/charts/${chart}.svg`,
      schema: { params: JobPathSchema },
      config: documentationOfChart(chart),
      handler: async (request, reply) => {
        const { id } = request.params;
        allowEmbedding(reply);
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
        return sendSvg(reply, content);
      },
    });
  }

  routes.route({
    method: 'GET',
    url: '/jobs/:id/charts/confusion.svg',
    schema: { params: JobPathSchema },
    config: CONFUSION,
    handler: async (request, reply) => {
      const { id } = request.params;
      allowEmbedding(reply);
      const record = await store.recordIn(scopeOf(request), id);
      if (record === undefined) throw jobNotFound();
      const { status, evaluation: file, spec } = record;
      if (file === undefined) throw notFinished(status, 'evaluation');
      if (isUnchanged(request, reply, `"${file.sha256}"`)) return reply.send();
      const content = await artifacts.read(id, file);
      if (content === undefined) throw await missingFile(store, scopeOf(request), id, file.name);
      const evaluation = DrawnSchema.parse(JSON.parse(content.toString('utf8')));
      return sendSvg(reply, drawConfusionChart(spec.name ?? id, evaluation));
    },
  });
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
    responses: { 200: SVG, 304: NOT_MODIFIED },
    problems: ['job_not_found', 'job_unreadable', 'store_unavailable'],
  });

const CONFUSION = documented({
  operationId: 'getConfusionChart',
  tag: 'watching',
  access: 'reader',
  summary: "The confusion matrix of the finished model's evaluation, as an SVG chart",
  description:
    'A row for each true class and a column for each predicted one, with the number of test rows. The darker a cell, the larger its share of the row. With more than 17 classes there is no room for the numbers.',
  requestHeaders: { 'If-None-Match': IF_NONE_MATCH },
  responses: { 200: SVG, 304: NOT_MODIFIED },
  problems: [
    'job_not_found',
    'not_available_yet',
    'not_found',
    'job_unreadable',
    'store_unavailable',
    'file_unavailable',
  ],
});
