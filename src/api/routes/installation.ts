import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import {
  type Dataset,
  DatasetListSchema,
  type EngineList,
  EngineListSchema,
  WorkerListSchema,
} from '../../contract/installation.ts';
import type { DatasetName } from '../../contract/job-spec.ts';
import type { WorkerReport } from '../../contract/worker-report.ts';
import { datasetProblem } from '../../dataset/availability.ts';
import { DATASETS, type DatasetEntry } from '../../dataset/registry.ts';
import { REPORT_TTL_MS } from '../../store/worker-reports.ts';
import type { ApiDeps } from '../deps.ts';
import { isUnchanged } from '../http/conditional.ts';
import { ProblemError } from '../http/problems.ts';
import { DatasetImagePathSchema } from '../http/request-schemas.ts';
import {
  CACHE_HEADERS,
  documented,
  IF_NONE_MATCH,
  json,
  NOT_MODIFIED,
} from '../openapi/route-documentation.ts';

/** The datasets, engines and workers of this installation. */
export function installationRoutes(app: FastifyInstance, deps: ApiDeps, done: () => void): void {
  const { workers } = deps;
  app.get('/datasets', { config: DATASETS_DOCUMENTATION }, async () => {
    const entries = Object.entries(DATASETS) as [DatasetName, DatasetEntry][];
    return listOf(await Promise.all(entries.map((entry) => toDataset(entry, deps.dataDir))));
  });

  app
    .withTypeProvider<ZodTypeProvider>()
    .get(
      '/datasets/:name/rows/:split/:index.png',
      { schema: { params: DatasetImagePathSchema }, config: IMAGE_DOCUMENTATION },
      async (request, reply) => {
        const { name, split, index } = request.params;
        const { shape } = DATASETS[name];
        if (shape.image === null) {
          throw new ProblemError(
            'not_found',
            `The rows of ${name} are no images, but ${shape.inputs} numbers each.`,
          );
        }
        if (index >= shape.rows[split]) {
          throw new ProblemError(
            'not_found',
            `The dataset ${name} has ${shape.rows[split]} ${split} rows: 0 to ${shape.rows[split] - 1}.`,
          );
        }
        // The rows of a dataset never change: their hash says which they are.
        const etag = `"${shape.sha256.slice(0, 32)}.${split}.${index}"`;
        if (isUnchanged(request, reply, etag)) return reply.send();
        const png = await deps.models.datasetImage({ data: shape, dataDir: deps.dataDir, split, index });
        if (png === undefined)
          throw new ProblemError('not_found', `The rows of ${name} are not here. See GET /datasets.`);
        return reply.type('image/png').send(Buffer.from(png));
      },
    );

  app.get('/engines', { config: ENGINES_DOCUMENTATION }, async () =>
    listOf(groupEngines(await workers.list())),
  );

  app.get('/workers', { config: WORKERS_DOCUMENTATION }, async () => listOf(await workers.list()));
  done();
}

const listOf = <Item>(data: Item[]) => ({ object: 'list' as const, data, has_more: false as const });

const toDataset = async ([name, entry]: [DatasetName, DatasetEntry], dataDir: string): Promise<Dataset> => ({
  name,
  title: entry.title,
  description: entry.description,
  train_rows: entry.shape.rows.train,
  test_rows: entry.shape.rows.test,
  kind: entry.shape.kind,
  inputs: entry.shape.inputs,
  image: entry.shape.image && { height: entry.shape.image.height, width: entry.shape.image.width },
  task: entry.shape.task,
  classes: entry.shape.classes,
  target: entry.shape.target ?? null,
  sha256: entry.shape.sha256,
  files: Object.values(entry.sources?.files ?? {}).map(({ file, sha256 }) => ({ file, sha256 })),
  problem: await datasetProblem(entry, dataDir),
});

/** Workers that report an engine identically share an entry. */
function groupEngines(reports: readonly WorkerReport[]): EngineList['data'] {
  const groups = new Map<string, EngineList['data'][number]>();
  for (const report of reports) {
    for (const engine of report.engines) {
      const key = JSON.stringify([
        engine.name,
        engine.available,
        engine.version,
        engine.backend,
        engine.reason,
      ]);
      const group = groups.get(key) ?? { ...engine, workers: [] };
      group.workers.push(report.id);
      groups.set(key, group);
    }
  }
  return [...groups.values()];
}

const DATASETS_DOCUMENTATION = documented({
  operationId: 'listDatasets',
  tag: 'installation',
  access: 'reader',
  summary: 'The datasets: names, sizes, classes, hashes',
  responses: { 200: json('All datasets.', DatasetListSchema) },
  problems: [],
});

const IMAGE_DOCUMENTATION = documented({
  operationId: 'getDatasetImage',
  tag: 'installation',
  access: 'reader',
  summary: 'The image of a row of a dataset, as PNG',
  responses: {
    200: {
      description: 'The image, pixel by pixel.',
      headers: CACHE_HEADERS,
      content: { 'image/png': { schema: { type: 'string', format: 'binary' } } },
    },
    304: NOT_MODIFIED,
  },
  problems: ['not_found', 'overloaded'],
  requestHeaders: { 'If-None-Match': IF_NONE_MATCH },
});

const ENGINES_DOCUMENTATION = documented({
  operationId: 'listEngines',
  tag: 'installation',
  access: 'reader',
  summary: 'The engines, as the live workers report them',
  responses: {
    200: json('Each engine with its version, or the reason it is unavailable.', EngineListSchema),
  },
  problems: ['store_unavailable'],
});

const WORKERS_DOCUMENTATION = documented({
  operationId: 'listWorkers',
  tag: 'installation',
  access: 'admin',
  summary: 'The live workers, their running jobs and their steps per second',
  responses: {
    200: json(`The workers that reported in the last ${REPORT_TTL_MS / 1000} seconds.`, WorkerListSchema),
  },
  problems: ['store_unavailable'],
});
