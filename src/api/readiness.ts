import type { Readiness } from '../contract/installation.ts';
import type { ApiDeps } from './deps.ts';

/** What /readyz finds. Each check is `ok` or a sentence for the operator. */

type Checks = Readiness['checks'];

/**
 * Only what keeps this process from serving requests makes it unready; the other checks are for the operator.
 * @throws {StoreUnavailableError} when this process cannot serve.
 */
export async function checkReadiness({ store, storage, workers }: ApiDeps): Promise<Checks> {
  // Side by side: each may take as long as a request may.
  const [problem, reports] = await Promise.all([storage.problem(), workers.list(), store.probe()]);
  return { redis: 'ok', storage: problem ?? 'ok', workers: describeWorkers(reports) };
}

function describeWorkers(reports: Awaited<ReturnType<ApiDeps['workers']['list']>>): string {
  if (reports.length === 0) return 'No worker is up. Jobs wait until one is.';
  const [first] = reports;
  if (reports.some(({ problem }) => problem === null)) return 'ok';
  const which =
    reports.length === 1
      ? 'The only worker takes no jobs'
      : `None of the ${reports.length} workers takes jobs`;
  return `${which} at the moment. ${first!.id}: ${first!.problem}`;
}
