import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { type JobPlan, JobPlanSchema } from '../../contract/job-plan.ts';
import { type JobRequest, JobRequestSchema } from '../../contract/job-spec.ts';
import type { WorkerReport } from '../../contract/worker-report.ts';
import { slotNames } from '../../engine/optimizer-state.ts';
import { type LiveJobs, MOST_LIVE } from '../../store/live-jobs.ts';
import { jobMemoryBytes } from '../../training/job-memory.ts';
import { resultKey } from '../../training/result-key.ts';
import { callerOf } from '../access/caller.ts';
import { dataOf } from '../data-of-name.ts';
import type { ApiDeps } from '../deps.ts';
import { acceptJsonBody, refuseMissingBody } from '../http/json-body.ts';
import type { JobEstimates } from '../job-estimates.ts';
import { memoryRefusal } from '../memory-admission.ts';
import { COLD_PLAN, EXAMPLE_SPECS, JOB_PLAN } from '../openapi/examples.ts';
import { documented, json } from '../openapi/route-documentation.ts';
import type { Remembered } from '../remembered.ts';
import { checkSpec } from '../spec-limits.ts';
import { startsInSeconds } from '../start-time.ts';
import { webhooksFor } from '../webhooks.ts';

const FLOAT32_BYTES = 4;

type ValidateDeps = ApiDeps & { liveWorkers: Remembered<WorkerReport[]>; estimates: JobEstimates };

/** POST /jobs/validate: what a POST /jobs would lead to. */
export function validateJobRoute(app: FastifyInstance, deps: ValidateDeps, done: () => void): void {
  acceptJsonBody(app);
  app.withTypeProvider<ZodTypeProvider>().route({
    method: 'POST',
    url: '/jobs/validate',
    schema: { body: JobRequestSchema },
    config: DOCUMENTATION,
    preValidation: async ({ body }) => refuseMissingBody(body),
    handler: async (request) => await plan(request, deps),
  });
  done();
}

async function plan(request: FastifyRequest<{ Body: JobRequest }>, deps: ValidateDeps): Promise<JobPlan> {
  const { store, results, liveJobs, liveWorkers, estimates } = deps;
  const { owner } = callerOf(request);
  const { webhooks, ...asked } = request.body;
  webhooksFor(webhooks, deps);
  const { shape: data } = await dataOf(asked.dataset, owner, deps);
  const { spec, size } = checkSpec(asked, data);
  const tooLarge = await memoryRefusal(spec, data, liveWorkers);
  if (tooLarge !== undefined) throw tooLarge;
  const [cachedFrom, estimate, before, live, workers] = await Promise.all([
    spec.cache ? results.find(owner, resultKey({ spec, data })) : undefined,
    estimates.of(spec, data),
    store.queuedBefore(owner, spec.priority),
    liveJobs(),
    liveWorkers.get(),
  ]);
  const start = startOf(owner, spec.priority, live, workers, deps);
  return {
    object: 'job_plan',
    spec,
    parameters: size.parameters,
    steps: size.steps,
    memory_bytes: jobMemoryBytes({ spec, data }, estimate.engine),
    model_bytes: size.parameters * FLOAT32_BYTES * (1 + slotNames(spec.optimizer).length),
    engine: estimate.engine ?? null,
    estimated_seconds: estimate.seconds ?? null,
    measured_jobs: estimate.seconds === undefined ? 0 : estimate.jobs,
    cached_from: cachedFrom ?? null,
    queue_position: before + 1,
    starts_in_seconds: typeof start === 'number' ? start : null,
    unknown: {
      ...(estimate.engine === undefined && { engine: estimate.reason }),
      ...(estimate.seconds === undefined && { estimated_seconds: estimate.reason }),
      ...(typeof start === 'string' && { starts_in_seconds: start }),
    },
  };
}

/** Seconds until a new job of the owner starts, or why they are not known. */
function startOf(
  owner: string,
  priority: number,
  live: LiveJobs | undefined,
  workers: readonly WorkerReport[],
  { quotas: { runningJobs } }: Pick<ApiDeps, 'quotas'>,
): number | string {
  const slots = workers.reduce(
    (sum, { problem, concurrency }) => sum + (problem === null ? concurrency : 0),
    0,
  );
  if (slots === 0) return 'No worker takes jobs at the moment.';
  if (live === undefined) return `More than ${MOST_LIVE} jobs wait, which is too many to look at.`;
  const quota = runningJobs === 'slots' ? slots : runningJobs;
  const perOwner =
    quota === 'none' ? Number.POSITIVE_INFINITY : quota === 'ahead' ? 2 * slots : Math.min(slots, quota);
  const seconds = startsInSeconds(owner, live, { slots, perOwner, priority });
  if (seconds === undefined) return 'It is not known how long some of the jobs before it take.';
  return Math.round(10 * seconds) / 10;
}

const DOCUMENTATION = documented({
  operationId: 'validateJob',
  tag: 'jobs',
  access: 'writer',
  summary: 'Check a spec, and say what it would take',
  description:
    'Takes the body of `POST /jobs` and refuses what that would refuse about the spec, but creates nothing and uses up no quota. Quotas and the room in the queue are not checked. Times are learned from the latest finished jobs of this installation; a field that is null has its reason in `unknown`.',
  bodyExamples: EXAMPLE_SPECS,
  responses: {
    200: json('The plan.', JobPlanSchema, {
      examples: {
        busy: { summary: 'Behind two jobs', value: JOB_PLAN },
        cold: { summary: 'Before any job has finished here', value: COLD_PLAN },
      },
    }),
  },
  problems: ['unsupported_media_type', 'job_too_large', 'store_unavailable'],
});
