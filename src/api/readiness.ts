import type { Readiness } from '../contract/installation.ts';
import type { ApiDeps } from './deps.ts';
import { ProblemError, storeRefused } from './http/problems.ts';

/** The checks of /readyz. Each is `ok` or a sentence for the operator. */

type Checks = Readiness['checks'];

/**
 * Only a fault that keeps this process from serving requests makes it unready; the other checks inform the operator.
 * @throws {StoreUnavailableError} when Redis does not answer.
 * @throws {ProblemError} when Redis answers but is unusable.
 */
export async function checkReadiness({ store, storage, workers, redisTroubles }: ApiDeps): Promise<Checks> {
  // In parallel: each may take as long as a whole request may.
  const [troubles, problem, [probe, reports]] = await Promise.all([
    redisTroubles(),
    storage.problem(),
    Promise.allSettled([store.probe(), workers.list()]),
  ]);
  // First, because what Redis refuses makes the others fail too, without a sentence for the operator.
  if (troubles.length > 0) {
    const { code, headers } = storeRefused(troubles.find(({ refusal }) => refusal)?.refusal ?? '');
    throw new ProblemError(code, troubles.map(({ message }) => message).join(' '), { headers });
  }
  if (probe.status === 'rejected') throw probe.reason;
  if (reports.status === 'rejected') throw reports.reason;
  return { redis: 'ok', storage: problem ?? 'ok', workers: describeWorkers(reports.value) };
}

function describeWorkers(reports: Awaited<ReturnType<ApiDeps['workers']['list']>>): string {
  if (reports.length === 0) return 'No worker is running. Jobs stay queued until one starts.';
  const [first] = reports;
  if (reports.some(({ problem }) => problem === null)) return 'ok';
  const which =
    reports.length === 1
      ? 'The only worker takes no jobs'
      : `None of the ${reports.length} workers takes jobs`;
  return `${which} at the moment. ${first!.id}: ${first!.problem}`;
}
