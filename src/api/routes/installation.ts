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
import { DATASETS, type DatasetEntry } from '../../dataset/registry.ts';
import type { ApiDeps } from '../deps.ts';
import { NoQuerySchema } from '../http/request-schemas.ts';
import { documented, json } from '../openapi/route-documentation.ts';

/** What this installation can train, with what, and who does it. */
export function installationRoutes(app: FastifyInstance, { workers }: ApiDeps, done: () => void): void {
  const routes = app.withTypeProvider<ZodTypeProvider>();
  const schema = { querystring: NoQuerySchema };

  routes.get('/datasets', { schema, config: DATASETS_DOCUMENTATION }, async () =>
    listOf((Object.entries(DATASETS) as [DatasetName, DatasetEntry][]).map(toDataset)),
  );

  routes.get('/engines', { schema, config: ENGINES_DOCUMENTATION }, async () =>
    listOf(groupEngines(await workers.list())),
  );

  routes.get('/workers', { schema, config: WORKERS_DOCUMENTATION }, async () => listOf(await workers.list()));
  done();
}

const listOf = <Item>(data: Item[]) => ({ object: 'list' as const, data, has_more: false as const });

const toDataset = ([name, { title, description, shape, sources }]: [DatasetName, DatasetEntry]): Dataset => ({
  name,
  title,
  description,
  train_rows: shape.rows.train,
  test_rows: shape.rows.test,
  image: { height: shape.image.height, width: shape.image.width },
  classes: [...shape.classes],
  sha256: shape.sha256,
  files: Object.values(sources).map(({ file, sha256 }) => ({ file, sha256 })),
});

/** Workers that report the same of an engine share an entry. */
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
  summary: 'The datasets: names, sizes, classes, hashes',
  responses: { 200: json('All of them.', DatasetListSchema) },
  problems: ['validation_failed'],
});

const ENGINES_DOCUMENTATION = documented({
  operationId: 'listEngines',
  tag: 'installation',
  summary: 'The engines, as the live workers report them',
  responses: { 200: json('Each engine with its version, or why it is missing.', EngineListSchema) },
  problems: ['validation_failed', 'store_unavailable'],
});

const WORKERS_DOCUMENTATION = documented({
  operationId: 'listWorkers',
  tag: 'installation',
  summary: 'Who is working, on what, at how many steps a second',
  responses: { 200: json('The workers that reported in the last 15 seconds.', WorkerListSchema) },
  problems: ['validation_failed', 'store_unavailable'],
});
