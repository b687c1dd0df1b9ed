import { describe, expect, it } from 'vitest';
import { newJobId } from '../store/open-store.ts';
import { expectProblem, openApi, VERSION } from './open-api.ts';

const api = openApi();

describe('POST /jobs', () => {
  it('takes {} for the reference run and writes out every default', async () => {
    const response = await api.post({});
    expect(response.statusCode).toBe(202);
    const job = response.json();
    expect(response.headers.location).toBe(`/jobs/${job.id}`);
    expect(job).toMatchObject({
      object: 'job',
      status: 'queued',
      terminal: false,
      version: VERSION,
      parameters: 109_386,
      progress: { epoch: 0, epochs: 10, step: 0, steps: 15_000, fraction: 0, eta_seconds: null },
      spec: {
        name: null,
        dataset: 'mnist',
        optimizer: { type: 'rmsprop', learning_rate: 0.001, rho: 0.9, momentum: 0, epsilon: 1e-7 },
        training: { epochs: 10, batch_size: 32, validation_split: 0.2, shuffle: true, seed: 42 },
        engine: 'auto',
        metadata: {},
        limits: { max_seconds: null },
      },
    });
    expect((await api.request({ url: `/jobs/${job.id}` })).json()).toEqual(job);
  });

  it('hands the job to the queue, then removes it from the outbox', async () => {
    // Without a worker there is one slot, which an earlier job may have.
    await api.redis.hset(api.keys.share, 'slots', 1_000);
    const { id } = await api.create();
    await expect.poll(() => api.redis.zscore(api.keys.outbox, `${id}-1`)).toBeNull();
    expect(await api.redis.exists(`${api.keys.root}bull:training:${id}-1`)).toBe(1);
  });

  it('completes an optimizer from its type alone', async () => {
    const job = await api.create({ optimizer: { type: 'adagrad' } });
    expect(job.spec.optimizer).toEqual({
      type: 'adagrad',
      learning_rate: 0.001,
      initial_accumulator_value: 0.1,
      epsilon: 1e-7,
      weight_decay: null,
      clipnorm: null,
      global_clipnorm: null,
      clipvalue: null,
    });
  });

  it('counts the short last batch as a step', async () => {
    const job = await api.create({
      dataset: 'mnist_sample',
      training: { epochs: 2, batch_size: 7, validation_split: 0 },
    });
    expect(job.progress.steps).toBe(2 * Math.ceil(6000 / 7));
  });

  it('refuses a model that is too big, with the limit', async () => {
    const problem = expectProblem(
      await api.post({ model: { hidden_units: [4096, 4096] } }),
      422,
      'validation_failed',
    );
    expect(problem.errors).toEqual([
      {
        in: 'body',
        pointer: '/model/hidden_units',
        detail: expect.stringContaining('at most 20000000 parameters; these units give 20037642'),
      },
    ]);
  });

  it('refuses a batch larger than the train rows left by the validation split', async () => {
    const spec = { dataset: 'mnist_sample', training: { batch_size: 4096, validation_split: 0.5 } };
    const problem = expectProblem(await api.post(spec), 422, 'validation_failed');
    expect(problem.errors).toEqual([
      {
        in: 'body',
        pointer: '/training/batch_size',
        detail: expect.stringContaining('a whole number from 1 to 3000'),
      },
    ]);
    await api.create({ dataset: 'mnist_sample', training: { batch_size: 3000, validation_split: 0.5 } });
  });

  it('refuses optimizer options that the engine tensorflow lacks, and accepts them for the others', async () => {
    for (const [optimizer, field] of [
      [{ type: 'rmsprop', centered: true }, 'centered'],
      [{ type: 'adam', amsgrad: true }, 'amsgrad'],
      [{ type: 'adagrad', epsilon: 1e-6 }, 'epsilon'],
    ] as const) {
      const problem = expectProblem(
        await api.post({ engine: 'tensorflow', optimizer }),
        422,
        'validation_failed',
      );
      expect(problem.errors).toEqual([
        {
          in: 'body',
          pointer: `/optimizer/${field}`,
          detail: expect.stringContaining('with the engine tensorflow'),
        },
      ]);
      await api.create({ optimizer });
    }
    await api.create({ engine: 'tensorflow' });
  });

  it('keeps names and metadata in any script, and counts characters as code points', async () => {
    const name = '😀'.repeat(200);
    const metadata = { constructor: 'a', 'ключ/~"': 'значение\u0000\u001b[31m' };
    const job = await api.create({ name, metadata });
    expect(job.spec).toMatchObject({ name, metadata });
    expectProblem(await api.post({ name: `${name}!` }), 422, 'validation_failed');
    expectProblem(await api.post({ name: 'half a pair: \ud800' }), 422, 'validation_failed');
  });
});

describe('GET /jobs', () => {
  const listed = openApi();

  it('pages newest first without a gap or a duplicate, by Link or by next', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 7; i += 1) ids.unshift((await listed.create()).id);
    const seen: string[] = [];
    let next: string | null = '/jobs?limit=3';
    while (next !== null) {
      const response = await listed.request({ url: next });
      const page: { data: { id: string }[]; has_more: boolean; next: string | null } = response.json();
      expect(page.has_more).toBe(page.next !== null);
      expect(response.headers.link).toBe(page.next === null ? undefined : `<${page.next}>; rel="next"`);
      seen.push(...page.data.map(({ id }) => id));
      next = page.next;
    }
    expect(seen).toEqual(ids);
  });

  it('filters by status, and keeps the filter on the next page', async () => {
    for (let i = 0; i < 3; i += 1) await listed.failed();
    const page = (await listed.request({ url: '/jobs?status=failed&limit=2' })).json();
    expect(page.data.map(({ status }: { status: string }) => status)).toEqual(['failed', 'failed']);
    expect(page.next).toContain('status=failed');
    expect((await listed.request({ url: page.next })).json().data).toHaveLength(1);
  });
});

describe('GET, DELETE /jobs/{id} and cancel', () => {
  it.each([
    'nonsense',
    'job_01',
    `${newJobId()}x`,
    'job_01kaxw3q2m5n6p7q8r9s0t1v2w',
    '..%2f..%2fetc%2fpasswd',
    '%00',
    newJobId(),
  ])('answers 404 for %s', async (id) => {
    for (const [method, path] of [
      ['GET', ''],
      ['DELETE', ''],
      ['POST', '/cancel'],
      ['POST', '/pause'],
      ['POST', '/resume'],
      ['GET', '/metrics'],
      ['GET', '/events'],
      ['GET', '/evaluation'],
      ['GET', '/charts/loss.svg'],
    ] as const) {
      expectProblem(await api.request({ method, url: `/jobs/${id}${path}` }), 404, 'job_not_found');
    }
  });

  it('cancels a queued job at once, and again without a change', async () => {
    const { id } = await api.create();
    const url = `/jobs/${id}/cancel`;
    const first = await api.request({ method: 'POST', url });
    expect(first.statusCode).toBe(202);
    expect(first.json()).toMatchObject({ id, status: 'cancelled', terminal: true, queue_position: null });
    expect((await api.request({ method: 'POST', url })).json()).toEqual(first.json());
  });

  it('signals the worker of a running job', async () => {
    const { id } = await api.running();
    const response = await api.request({ method: 'POST', url: `/jobs/${id}/cancel` });
    expect(response.json()).toMatchObject({ status: 'cancelling', terminal: false });
  });

  it.each(['succeeded', 'failed'] as const)('refuses to cancel a job that has %s', async (status) => {
    const id = await api[status]();
    const problem = expectProblem(
      await api.request({ method: 'POST', url: `/jobs/${id}/cancel` }),
      409,
      'job_finished',
    );
    expect(problem.detail).toContain(status);
  });

  it('removes a finished job once, and only a finished job', async () => {
    const { id, token } = await api.running();
    const problem = expectProblem(
      await api.request({ method: 'DELETE', url: `/jobs/${id}` }),
      409,
      'job_not_finished',
    );
    expect(problem.detail).toContain('running');
    await api.transitions.finish(id, token, {
      status: 'failed',
      error: { code: 'diverged', message: 'x', retryable: false },
    });
    expect((await api.request({ method: 'DELETE', url: `/jobs/${id}` })).statusCode).toBe(204);
    expectProblem(await api.request({ method: 'DELETE', url: `/jobs/${id}` }), 404, 'job_not_found');
    expectProblem(await api.request({ url: `/jobs/${id}` }), 404, 'job_not_found');
  });

  it('accepts an empty body or {} of any type where it takes no body, and refuses others', async () => {
    const url = `/jobs/${(await api.create()).id}/cancel`;
    for (const [payload, type] of [
      ['', 'application/json'],
      ['{}', 'application/json'],
      ['', 'application/x-www-form-urlencoded'],
    ]) {
      const response = await api.request({
        method: 'POST',
        url,
        headers: { 'content-type': type },
        payload,
      });
      expect(response.statusCode, response.body).toBe(202);
    }
    const headers = { 'content-type': 'application/json' };
    expectProblem(
      await api.request({ method: 'POST', url, headers, payload: '{"force":true}' }),
      422,
      'validation_failed',
    );
  });
});
