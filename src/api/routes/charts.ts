import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { drawConfusionChart } from '../../charts/confusion-chart.ts';
import { type ChartName, drawEpochChart } from '../../charts/epoch-chart.ts';
import { drawResidualChart } from '../../charts/residual-chart.ts';
import { ClassEvaluationSchema, NumberEvaluationSchema } from '../../contract/evaluation.ts';
import { taskOf } from '../../contract/loss.ts';
import { parseRows } from '../../store/job-events.ts';
import { jobOf } from '../../store/job-view.ts';
import { scopeOf } from '../access/caller.ts';
import type { ApiDeps } from '../deps.ts';
import { isUnchanged } from '../http/conditional.ts';
import { jobNotFound, ProblemError } from '../http/problems.ts';
import { JobPathSchema } from '../http/request-schemas.ts';
import { missingFile, notFinished } from '../job-files.ts';
import {
  type Documentation,
  documented,
  IF_NONE_MATCH,
  NOT_MODIFIED,
} from '../openapi/route-documentation.ts';
import { allowEmbedding, SVG, sendSvg } from '../svg.ts';

/** What is drawn of an evaluation; a later version's may have more. */
const ConfusionSchema = z.object({
  ...ClassEvaluationSchema.pick({ rows: true, accuracy: true, confusion_matrix: true }).shape,
  classes: z.array(z.object({ label: z.string() })),
});
const ResidualsSchema = z.object(
  NumberEvaluationSchema.pick({ rows: true, mae: true, rmse: true, r2: true, residuals: true }).shape,
);

const CHARTS: readonly ChartName[] = ['loss', 'accuracy', 'mae'];

/** The pictures of an evaluation: of which task it must be, and how they are drawn. */
const EVALUATION_CHARTS = {
  confusion: {
    task: 'classification',
    draw: (name: string, evaluation: unknown) => drawConfusionChart(name, ConfusionSchema.parse(evaluation)),
    isOfOther:
      'The job predicts a number, so it has no confusion matrix. Its residuals are at charts/residuals.svg.',
  },
  residuals: {
    task: 'regression',
    draw: (name: string, evaluation: unknown) => drawResidualChart(name, ResidualsSchema.parse(evaluation)),
    isOfOther:
      'The job predicts classes, so it has no residuals. Its confusion matrix is at charts/confusion.svg.',
  },
} as const;

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
          taskOf(spec),
          parseRows(await events.metrics(id, 0, head)),
          spec.training.epochs,
        );
        return sendSvg(reply, content);
      },
    });
  }

  for (const chart of ['confusion', 'residuals'] as const) {
    const { task, draw, isOfOther } = EVALUATION_CHARTS[chart];
    routes.route({
      method: 'GET',
      url: `/jobs/:id/charts/${chart}.svg`,
      schema: { params: JobPathSchema },
      config: EVALUATION_DOCUMENTATION[chart],
      handler: async (request, reply) => {
        const { id } = request.params;
        allowEmbedding(reply);
        const record = await store.recordIn(scopeOf(request), id);
        if (record === undefined) throw jobNotFound();
        const { status, evaluation: file, spec } = record;
        if (taskOf(spec) !== task) throw new ProblemError('not_found', isOfOther);
        if (file === undefined) throw notFinished(status, 'evaluation');
        if (isUnchanged(request, reply, `"${file.sha256}"`)) return reply.send();
        const content = await artifacts.read(id, file);
        if (content === undefined) throw await missingFile(store, scopeOf(request), id, file.name);
        return sendSvg(reply, draw(spec.name ?? id, JSON.parse(content.toString('utf8'))));
      },
    });
  }
  done();
}

const NAMES: Readonly<Record<ChartName, [operationId: string, summary: string]>> = {
  loss: ['getLossChart', 'Loss'],
  accuracy: ['getAccuracyChart', 'Accuracy'],
  mae: ['getMaeChart', 'Mean absolute error'],
};

const documentationOfChart = (chart: ChartName) =>
  documented({
    operationId: NAMES[chart][0],
    tag: 'watching',
    access: 'reader',
    summary: `${NAMES[chart][1]} per epoch, as an SVG chart`,
    description:
      'Shows the training and the validation rows. Before the first epoch has ended: empty axes and "no epochs yet". A job that predicts a number has no accuracy, and one that predicts classes no mean absolute error: the picture says so.',
    requestHeaders: { 'If-None-Match': IF_NONE_MATCH },
    responses: { 200: SVG, 304: NOT_MODIFIED },
    problems: ['job_not_found', 'job_unreadable', 'store_unavailable'],
  });

const SHARED = {
  tag: 'watching',
  access: 'reader',
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
} satisfies Partial<Documentation>;

const EVALUATION_DOCUMENTATION = {
  confusion: documented({
    ...SHARED,
    operationId: 'getConfusionChart',
    summary: "The confusion matrix of the finished model's evaluation, as an SVG chart",
    description:
      'A row for each true class and a column for each predicted one, with the number of test rows. The darker a cell, the larger its share of the row. With more than 17 classes there is no room for the numbers. 404 for a job that predicts a number.',
  }),
  residuals: documented({
    ...SHARED,
    operationId: 'getResidualChart',
    summary: "The residuals of the finished model's evaluation, as an SVG histogram",
    description:
      'How many test rows differ from their predicted number by how much, in the unit of the data. 404 for a job that predicts classes.',
  }),
};
