import type { FastifyInstance } from 'fastify';
import { type EngineList, EngineListSchema, WorkerListSchema } from '../../contract/installation.ts';
import type { WorkerReport } from '../../contract/worker-report.ts';
import { REPORT_TTL_MS } from '../../store/worker-reports.ts';
import type { ApiDeps } from '../deps.ts';
import { documented, json } from '../openapi/route-documentation.ts';

/** The engines and workers of this installation. */
export function installationRoutes(app: FastifyInstance, deps: ApiDeps, done: () => void): void {
  const { workers } = deps;
  app.get('/engines', { config: ENGINES_DOCUMENTATION }, async () =>
    listOf(groupEngines(await workers.list())),
  );

  app.get('/workers', { config: WORKERS_DOCUMENTATION }, async () => listOf(await workers.list()));
  done();
}

const listOf = <Item>(data: Item[]) => ({ object: 'list' as const, data, has_more: false as const });

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
