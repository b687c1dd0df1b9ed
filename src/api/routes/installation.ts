import type { FastifyInstance } from 'fastify';
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
import { REPORT_TTL_MS } from '../../store/worker-reports.ts';
import type { ApiDeps } from '../deps.ts';
import { documented, json } from '../openapi/route-documentation.ts';

/** The datasets, engines and workers of this installation. */
export function installationRoutes(app: FastifyInstance, { workers }: ApiDeps, done: () => void): void {
  app.get('/datasets', { config: DATASETS_DOCUMENTATION }, async () =>
    listOf((Object.entries(DATASETS) as [DatasetName, DatasetEntry][]).map(toDataset)),
  );

  app.get('/engines', { config: ENGINES_DOCUMENTATION }, async () =>
    listOf(groupEngines(await workers.list())),
  );

  app.get('/workers', { config: WORKERS_DOCUMENTATION }, async () => listOf(await workers.list()));
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
