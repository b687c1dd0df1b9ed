import { afterAll, afterEach, describe, expect, inject, it } from 'vitest';
import type { ProblemCode } from '../../src/contract/problem.ts';
import { RedisServer } from '../support/redis-server.ts';
import { SmallDisk } from '../support/small-disk.ts';
import { COMMITTED, expectProblem, filledPath, openApi } from './open-api.ts';

/** A Redis that takes no writes: everything that only reads goes on, and what writes says why it cannot. */

const binary = inject('redisBinary');
/** No worker runs here. */
const READY = '/readyz?exclude=workers';

async function openOn(settings: readonly string[]) {
  const redis = new RedisServer(settings);
  await redis.start();
  afterAll(() => redis.remove());
  return { redis, api: openApi({}, redis.url) };
}

const GETS = Object.entries(COMMITTED.paths).flatMap(([path, operations]) =>
  'get' in operations ? [path] : [],
);

describe.skipIf(binary === null)('a Redis that takes no writes', async () => {
  const opened = binary === null ? {} : await openOn([]);
  const { api } = opened as Awaited<ReturnType<typeof openOn>>;

  const jobs = async () => {
    const [queued, running, cancelled, failed] = [
      (await api.create()).id,
      (await api.running()).id,
      (await api.create()).id,
      await api.failed(),
    ];
    await api.request({ method: 'POST', url: `/jobs/${cancelled}/cancel` });
    return { queued, running, cancelled, failed };
  };

  async function expectReads(ids: string[], code: ProblemCode): Promise<void> {
    expect(GETS.length).toBeGreaterThan(12);
    for (const id of ids) {
      for (const template of GETS) {
        const path = `${filledPath(template, id)}${template.startsWith('/compare') ? `?jobs=${ids[0]},${id}` : ''}`;
        const response = await api.request({ url: path, headers: path.endsWith('events') ? JSON_ONLY : {} });
        if (path === '/readyz') expectProblem(response, 503, code);
        else expect([200, 302, 304, 404], `${path}: ${response.body}`).toContain(response.statusCode);
      }
    }
    const { body } = await api.request({ url: '/metrics' });
    expect(body).toMatch(/^descent_store_up 1$/m);
    expect(body).toMatch(/^descent_store_writable 0$/m);
    expect(body).toMatch(/^descent_jobs\{status="running"\} [1-9]/m);
  }
  const JSON_ONLY = { accept: 'application/json' };
  afterEach(async () => {
    await api.redis.config('SET', 'maxmemory', 0, 'min-replicas-to-write', 0);
    await ready(200);
  });
  const cancel = (id: string) => api.request({ method: 'POST', url: `/jobs/${id}/cancel` });
  const remove = (id: string) => api.request({ method: 'DELETE', url: `/jobs/${id}` });
  const ready = (status: number) =>
    expect.poll(async () => (await api.request({ url: READY })).statusCode, { timeout: 60_000 }).toBe(status);

  it('because its memory is full: jobs can be read, cancelled and removed, which makes room', async () => {
    const { queued, running, cancelled, failed } = await jobs();
    const key = { 'idempotency-key': 'before' };
    const answer = (await api.post({}, key)).body;
    await api.redis.config('SET', 'maxmemory', 1);
    await ready(503);
    await expectReads([queued, running, cancelled, failed], 'storage_full');
    // That there is room is remembered for a moment.
    await expect.poll(async () => (await api.post({})).statusCode).toBe(503);
    expectProblem(await api.post({}), 503, 'storage_full');
    expect((await api.post({}, key)).body).toBe(answer);
    expect((await cancel(queued)).json().status).toBe('cancelled');
    expect((await cancel(running)).json().status).toBe('cancelling');
    for (const id of [queued, cancelled, failed]) expect((await remove(id)).statusCode).toBe(204);
    await api.redis.config('SET', 'maxmemory', 0);
    await ready(200);
    await expect.poll(async () => (await api.post({})).statusCode).toBe(202);
  });

  it('because it cannot be safe: jobs can be read, and nothing is changed', async () => {
    const { queued, running, cancelled, failed } = await jobs();
    await api.redis.config('SET', 'min-replicas-to-write', 1);
    await ready(503);
    await expectReads([queued, running, cancelled, failed], 'store_read_only');
    expectProblem(await api.post({}), 503, 'store_read_only');
    for (const id of [queued, running]) expectProblem(await cancel(id), 503, 'store_read_only');
    for (const id of [cancelled, failed]) expectProblem(await remove(id), 503, 'store_read_only');
    await api.redis.config('SET', 'min-replicas-to-write', 0);
    await ready(200);
    expect((await cancel(queued)).json().status).toBe('cancelled');
  });
});

const unmountable = SmallDisk.missing();

describe.skipIf(binary === null || unmountable !== undefined)('a Redis whose disk is full', async () => {
  const small = binary === null || unmountable !== undefined ? undefined : new SmallDisk(2 ** 21);
  if (small !== undefined) afterAll(() => small.close());
  const opened = small === undefined ? {} : await openOn(['appendonly yes', `dir ${small.folder}`]);
  const { api, redis } = opened as Awaited<ReturnType<typeof openOn>>;

  it('a job whose 202 was sent is there after a crash', async () => {
    const kept: string[] = [];
    const post = async () => {
      const response = await api.post({});
      if (response.statusCode === 202) kept.push(response.json().id);
      return response;
    };
    await post();
    small!.fill(0);
    // The last page of the file has room for some. Then Redis answers as if it had saved one more, or several at once.
    for (let refused = false; !refused; ) {
      const responses = await Promise.all(Array.from({ length: 8 }, post));
      refused = responses.some(({ statusCode }) => statusCode !== 202);
      if (refused) expect(responses.map((response) => response.json().code)).toContain('store_read_only');
    }
    await redis.kill();
    small!.free();
    await redis.start();
    await expect
      .poll(async () => (await api.request({ url: READY })).statusCode, { timeout: 60_000 })
      .toBe(200);
    for (const id of kept) expect((await api.request({ url: `/jobs/${id}` })).statusCode).toBe(200);
    expect((await api.post({})).statusCode).toBe(202);
  });
});
