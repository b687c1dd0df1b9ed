import type { Readiness } from '../contract/installation.ts';
import type { WorkerReport } from '../contract/worker-report.ts';
import { type ApiDeps, isStoreUnavailable } from './deps.ts';
import { ProblemError, storeRefused } from './http/problems.ts';

/** The checks of /readyz. Each is `ok` or a sentence for the operator. */

type Checks = Readiness['checks'];

/** Workers report every second. */
const FRESH_MS = 4_000;

/** By this age, a delivery in the outbox has been tried several times. */
const OUTBOX_LATE_MS = 10_000;

/** The checks of what only workers mend. A load balancer leaves them out: the API serves without a worker. */
const OF_WORKERS: readonly (keyof Checks)[] = ['queue', 'workers'];

/**
 * @param withoutWorkers whether a missing worker, or a queue that no worker serves, leaves the answer ready
 * @throws {ProblemError} with the checks, when one of them is not ok.
 */
export async function checkReadiness(deps: ApiDeps, withoutWorkers: boolean): Promise<Checks> {
  const { checks, refusal } = await look(deps);
  const wrong = (Object.keys(checks) as (keyof Checks)[]).filter(
    (name) => checks[name] !== 'ok' && !(withoutWorkers && OF_WORKERS.includes(name)),
  );
  if (wrong.length === 0) return checks;
  const ofRedis = wrong.includes('redis');
  const code = ofRedis ? storeRefused(refusal).code : 'not_ready';
  // Without Redis, nothing is known about what depends on it.
  const told = ofRedis ? [checks.redis] : wrong.map((name) => checks[name]);
  throw new ProblemError(code, told.join(' '), { headers: { 'retry-after': '2' }, checks });
}

/** `refusal`: the first word of Redis's answer, if it refuses commands. */
async function look({
  store,
  storage,
  workers,
  jobCounts,
  redisTroubles,
}: ApiDeps): Promise<{ checks: Checks; refusal?: string | undefined }> {
  // In parallel: each may take as long as a whole request may.
  const [troubles, problem, answers] = await Promise.all([
    redisTroubles(),
    storage.problem(),
    Promise.all([store.probe(), workers.list(), jobCounts.read()]).catch((error: unknown) => {
      if (isStoreUnavailable(error)) return error as Error & { refusal?: string };
      throw error;
    }),
  ]);
  const files = problem ?? 'ok';
  // First, because what Redis refuses makes the others fail too, without a sentence for the operator.
  if (troubles.length > 0 || answers instanceof Error) {
    const refusal =
      troubles.find((trouble) => trouble.refusal)?.refusal ??
      (answers instanceof Error ? answers.refusal : undefined);
    // What is known about Redis may be two seconds old.
    const redis =
      troubles.length > 0
        ? troubles.map(({ message }) => message).join(' ')
        : refusal === undefined
          ? 'Redis does not answer.'
          : `Redis takes no writes: it answers ${refusal}.`;
    return { checks: { redis, queue: UNKNOWN, storage: files, workers: UNKNOWN }, refusal };
  }
  const [, reports, { nowMs, outbox }] = answers;
  const fresh = reports.filter(({ reported_at }) => nowMs - Date.parse(reported_at) <= FRESH_MS);
  return {
    checks: { redis: 'ok', queue: describeQueue(outbox), storage: files, workers: describeWorkers(fresh) },
  };
}

const UNKNOWN = 'Unknown while Redis does not serve this process.';

function describeQueue({ count, oldestMs }: { count: number; oldestMs: number }): string {
  if (count === 0 || oldestMs < OUTBOX_LATE_MS) return 'ok';
  return `Accepted jobs do not reach the queue: ${count} wait, the first for ${Math.round(oldestMs / 1000)} s. The workers' log has the reason.`;
}

function describeWorkers(reports: readonly WorkerReport[]): string {
  if (reports.length === 0) return 'No worker is running. Jobs stay queued until one starts.';
  const [first] = reports;
  if (reports.some(({ problem }) => problem === null)) return 'ok';
  const which =
    reports.length === 1
      ? 'The only worker takes no jobs'
      : `None of the ${reports.length} workers takes jobs`;
  return `${which} at the moment. ${first!.id}: ${first!.problem}`;
}
