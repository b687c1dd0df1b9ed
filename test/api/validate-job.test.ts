import { describe, expect, it } from 'vitest';
import { quotasFor } from '../../src/api/quotas.ts';
import type { Job } from '../../src/contract/job.ts';
import type { JobPlan } from '../../src/contract/job-plan.ts';
import { JobSpecSchema } from '../../src/contract/job-spec.ts';
import type { EngineReport } from '../../src/contract/worker-report.ts';
import { resolveDataset } from '../../src/dataset/registry.ts';
import { JobTimings } from '../../src/store/job-timings.ts';
import { jobWork } from '../../src/training/job-work.ts';
import { newCounters } from '../../workers/counters.ts';
import { expectProblem, type OpenApi, openApi } from './open-api.ts';

const SPEC = { dataset: 'mnist_sample', optimizer: { type: 'adam' }, training: { epochs: 2 } };

const validate = ({ request }: OpenApi, payload: unknown, headers: Record<string, string> = {}) =>
  request({
    method: 'POST',
    url: '/jobs/validate',
    headers: { 'content-type': 'application/json', ...headers },
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
  });
const planOf = async (api: OpenApi, spec: unknown): Promise<JobPlan> => {
  const response = await validate(api, spec);
  expect(response.statusCode, response.body).toBe(200);
  return response.json();
};

const engine = (name: EngineReport['name'], available: boolean): EngineReport => ({
  name,
  available,
  version: null,
  backend: null,
  reason: null,
});

const report = ({ reports }: OpenApi, id: string, changes: { problem?: string; native?: boolean } = {}) =>
  reports.write({
    id,
    host: 'host-a',
    pid: 1,
    version: '0.0.0',
    concurrency: 1,
    memory_mb: 300,
    trained: [],
    started_at: '2026-11-22T10:00:00.000Z',
    problem: changes.problem ?? null,
    running: [],
    engines: [engine('native', changes.native ?? true), engine('wasm', true), engine('reference', true)],
    counters: newCounters(),
  });

/** A finished job that took so long. */
async function note({ redis, keys }: OpenApi, spec: object, seconds: number): Promise<void> {
  const parsed = JobSpecSchema.parse(spec);
  const work = jobWork({ spec: parsed, data: resolveDataset(parsed.dataset) });
  await new JobTimings(redis, keys).add('native', { seconds, work });
}

describe('POST /jobs/validate, on a cold installation', () => {
  const cold = openApi();

  it('says what is known, and why the rest is not; it creates nothing', async () => {
    const plan = await planOf(cold, SPEC);
    expect(plan).toMatchObject({
      object: 'job_plan',
      spec: JobSpecSchema.parse(SPEC),
      parameters: 109_386,
      steps: 300,
      model_bytes: 3 * 4 * 109_386,
      engine: null,
      estimated_seconds: null,
      measured_jobs: 0,
      queue_position: 1,
      starts_in_seconds: null,
    });
    expect(plan.memory_bytes).toBeGreaterThan(100e6);
    expect(plan.unknown).toEqual({
      engine: expect.stringContaining('No worker is live'),
      estimated_seconds: expect.stringContaining('No worker is live'),
      starts_in_seconds: 'No worker takes jobs at the moment.',
    });
    expect((await planOf(cold, { engine: 'wasm' })).unknown.estimated_seconds).toContain(
      'No job on the engine wasm has finished here yet',
    );
    expect((await cold.request({ url: '/jobs' })).json().data).toEqual([]);
    const job = (await cold.post(SPEC)).json<Job>();
    expect(job).toMatchObject({ spec: plan.spec, parameters: plan.parameters, estimated_seconds: null });
    expect(job.progress.steps).toBe(plan.steps);
  });

  it.each([
    ['{}x', 400, 'malformed_request'],
    ['', 400, 'malformed_request'],
    ['{"name":"a","name":"b"}', 400, 'malformed_request'],
    [{ nope: 1 }, 422, 'validation_failed'],
    [{ training: { epochs: 0 } }, 422, 'validation_failed'],
    [{ model: { hidden_units: [4096, 4096, 4096] } }, 422, 'validation_failed'],
    [
      { dataset: 'mnist_sample', training: { batch_size: 4096, validation_split: 0.5 } },
      422,
      'validation_failed',
    ],
    [{ optimizer: { type: 'rmsprop', epsilon: 1e-50 } }, 422, 'validation_failed'],
  ] as const)('refuses %j as POST /jobs does', async (payload, status, code) => {
    const problem = expectProblem(await validate(cold, payload), status, code);
    const text = typeof payload === 'string' ? payload : JSON.stringify(payload);
    const same = await cold.request({
      method: 'POST',
      url: '/jobs',
      headers: { 'content-type': 'application/json' },
      payload: text,
    });
    const { instance: _, ...told } = expectProblem(same, status, code);
    expect(problem).toMatchObject(told);
  });

  it('takes JSON only, and no other method', async () => {
    expectProblem(
      await validate(cold, '{}', { 'content-type': 'text/plain' }),
      415,
      'unsupported_media_type',
    );
    const response = await cold.request({ url: '/jobs/validate' });
    expectProblem(response, 405, 'method_not_allowed');
    expect(response.headers.allow).toBe('OPTIONS, POST');
  });
});

describe('POST /jobs/validate, on one that has finished jobs', () => {
  const warm = openApi({ quotas: quotasFor('none', { QUOTA_RUNNING_JOBS: 1 }) });

  it('expects what the finished jobs took, and so does the new job to its end', async () => {
    await report(warm, 'host-a/1');
    await note(warm, SPEC, 4);
    const plan = await planOf(warm, SPEC);
    expect(plan).toMatchObject({ engine: 'native', measured_jobs: 1, starts_in_seconds: 0, unknown: {} });
    expect(plan.estimated_seconds).toBeCloseTo(4, 2);
    const more = await planOf(warm, { ...SPEC, training: { epochs: 4 } });
    expect(more.estimated_seconds! / plan.estimated_seconds!).toBeGreaterThan(1.7);
    expect(more.estimated_seconds! / plan.estimated_seconds!).toBeLessThan(2.001);

    const key = { 'idempotency-key': 'once' };
    const first = await warm.post(SPEC, key);
    const { id, estimated_seconds } = first.json<Job>();
    expect(estimated_seconds).toBe(plan.estimated_seconds);
    const behind = await planOf(warm, SPEC);
    expect(behind).toMatchObject({ queue_position: 2, starts_in_seconds: 4 });
    // What is learned later does not change it, nor the stored answer.
    await warm.transitions.finish(id, await warm.start(id), {
      status: 'failed',
      error: { code: 'diverged', message: 'the loss is not finite', retryable: false },
    });
    await note(warm, SPEC, 40);
    await note(warm, SPEC, 40);
    expect((await warm.request({ url: `/jobs/${id}` })).json()).toMatchObject({ estimated_seconds });
    expect((await warm.post(SPEC, key)).body).toBe(first.body);
    const expected = async () => {
      // A report is good for 15 s.
      await report(warm, 'host-a/1');
      return (await planOf(warm, SPEC)).estimated_seconds;
    };
    await expect.poll(expected, { timeout: 60_000 }).toBeGreaterThan(30);
  });
});

describe('a worker with little memory', () => {
  const small = openApi();

  it('does not take what is too large for it, which is said before', async () => {
    await report(small, 'host-a/1');
    const large = { model: { hidden_units: [2048, 2048] }, training: { batch_size: 2048 } };
    const problem = expectProblem(await validate(small, large), 422, 'job_too_large');
    expect(problem.detail).toContain('at most 300 MB');
  });
});

describe('workers that differ', () => {
  const mixed = openApi();

  it('leave the engine open, and only those that take jobs count', async () => {
    await report(mixed, 'host-a/1');
    await report(mixed, 'host-a/2', { native: false, problem: 'its disk is full' });
    const plan = await planOf(mixed, {});
    expect(plan.engine).toBeNull();
    expect(plan.unknown.engine).toContain('different engines for auto: native, wasm');
    await mixed.running();
    expect((await planOf(mixed, {})).unknown).toMatchObject({
      starts_in_seconds: expect.stringContaining('not known how long'),
    });
  });
});
