import { afterAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { epochReport, successOf } from '../store/open-store.ts';
import { RedisServer } from '../support/redis-server.ts';
import { EventViewer } from './event-viewer.ts';
import { expectProblem, openApi } from './open-api.ts';

const binary = inject('redisBinary');
const LOSES_NOTHING = ['appendonly yes', 'appendfsync always'];

async function openWithOwnRedis() {
  const redis = new RedisServer(LOSES_NOTHING);
  await redis.start();
  const api = openApi({ timing: { lookMs: 100 } }, redis.url);
  afterAll(() => redis.remove());
  return { redis, api };
}

describe.skipIf(binary === null)('while Redis (needs redis-server or valkey-server)', async () => {
  // Without a server nothing is opened, but the tests are still counted as skipped.
  const opened = binary === null ? {} : await openWithOwnRedis();
  const { redis, api } = opened as Awaited<ReturnType<typeof openWithOwnRedis>>;

  beforeEach(async () => {
    await expect
      .poll(async () => (await api.request({ url: '/readyz?exclude=workers' })).statusCode, {
        timeout: 60_000,
      })
      .toBe(200);
  });

  const paths = (id: string): [method: 'GET' | 'POST' | 'DELETE', url: string][] => [
    ['GET', '/jobs'],
    ['GET', `/jobs/${id}`],
    ['DELETE', `/jobs/${id}`],
    ['POST', `/jobs/${id}/cancel`],
    ['GET', `/jobs/${id}/metrics`],
    ['GET', `/jobs/${id}/events`],
    ['GET', `/jobs/${id}/evaluation`],
    ['GET', `/jobs/${id}/evaluation/rows`],
    ['GET', `/jobs/${id}/charts/loss.svg`],
    ['GET', `/jobs/${id}/charts/confusion.svg`],
    ['GET', `/compare/charts/loss.svg?jobs=${id},${id}`],
    ['GET', '/engines'],
    ['GET', '/workers'],
    ['GET', '/readyz'],
  ];

  it.each<[string, RegExp, (on: boolean) => Promise<unknown>]>([
    [
      'is a read-only replica',
      /read-only replica/,
      (on) => api.redis.replicaof(...((on ? ['127.0.0.1', 1] : ['NO', 'ONE']) as ['NO', 'ONE'])),
    ],
    ['is full', /Redis is full/, (on) => api.redis.config('SET', 'maxmemory', on ? 1 : 0)],
    [
      'lacks replicas that it must have',
      /NOREPLICAS/,
      (on) => api.redis.config('SET', 'min-replicas-to-write', on ? 1 : 0),
    ],
  ])('%s, /readyz has the reason, and a POST says that it wrote nothing', async (_name, reason, set) => {
    await set(true);
    try {
      const detail = async () => (await api.request({ url: '/readyz' })).json().detail;
      await expect.poll(detail, { timeout: 60_000 }).toMatch(reason);
      const response = await api.post({ dataset: 'mnist_sample' });
      expect(response.statusCode).toBe(503);
      // A full Redis has a problem of its own.
      if (response.json().code !== 'storage_full') expectProblem(response, 503, 'store_read_only');
    } finally {
      await set(false);
    }
  });

  async function expectUnavailable(id: string): Promise<void> {
    const answers = await Promise.all(
      paths(id).map(async ([method, url]) => {
        const start = performance.now();
        const response = await api.request({ method, url });
        return { url, response, ms: performance.now() - start };
      }),
    );
    for (const { url, response, ms } of answers) {
      expectProblem(response, 503, 'store_unavailable');
      expect(Number(response.headers['retry-after']), url).toBeGreaterThan(0);
      expect(ms, url).toBeLessThan(3_500);
    }
    const json = { 'content-type': 'application/json' };
    const validate = { method: 'POST', url: '/jobs/validate', headers: json, payload: '{}' } as const;
    expectProblem(await api.request(validate), 503, 'store_unavailable');
    const create = expectProblem(await api.post({}, { 'idempotency-key': 'k' }), 503, 'store_unavailable');
    expect(create.detail).toContain('same Idempotency-Key');
    expect((await api.request({ url: '/livez' })).statusCode).toBe(200);
    expect((await api.request({ url: '/datasets/moons' })).statusCode).toBe(200);
    expectProblem(await api.request({ url: '/datasets' }), 503, 'store_unavailable');
    expect((await api.request({ url: '/metrics' })).body).toMatch(/^descent_store_up 0$/m);
  }

  it('is down, everything that needs it answers 503 at once, and a stream and a wait survive', async () => {
    const { id, token } = await api.running();
    const viewer = await EventViewer.open(`${api.url}/jobs/${id}/events`);
    expect(await viewer.types(2)).toEqual(['job.queued', 'job.running']);
    const waits = api.request({ url: `/jobs/${id}`, headers: { prefer: 'wait=50' } });
    await expect
      .poll(async () => (await api.request({ url: '/metrics' })).body)
      .toMatch(/^descent_event_streams 2$/m);
    await redis.kill();
    await expect
      .poll(async () => (await api.request({ url: '/readyz?exclude=workers' })).statusCode)
      .toBe(503);
    const start = performance.now();
    await expectUnavailable(id);
    expect(performance.now() - start).toBeLessThan(10_000);
    await redis.start();
    await api.transitions.epoch(id, token, epochReport(1));
    await api.transitions.finish(id, token, successOf(1));
    expect(await viewer.types(2)).toEqual(['job.epoch', 'job.succeeded']);
    expect(await viewer.message()).toBeUndefined();
    expect((await waits).json()).toMatchObject({ id, status: 'succeeded' });
  });

  it('is silent, no request waits longer than its limit, and a repeat with the key creates one job', async () => {
    const { id } = await api.create();
    // Otherwise the enqueue in the background is in flight, and the requests wait for its end first.
    await expect.poll(() => api.redis.zcard(api.keys.outbox)).toBe(0);
    redis.freeze();
    await expectUnavailable(id);
    redis.thaw();
    await expect
      .poll(async () => (await api.request({ url: '/readyz?exclude=workers' })).statusCode)
      .toBe(200);
    const first = await api.post({}, { 'idempotency-key': 'k' });
    expect(first.statusCode).toBe(202);
    expect((await api.post({}, { 'idempotency-key': 'k' })).body).toBe(first.body);
    const { data } = (await api.request({ url: '/jobs?limit=100' })).json();
    expect(data.filter(({ spec }: { spec: { dataset: string } }) => spec.dataset === 'mnist')).toHaveLength(
      1,
    );
  });

  it('is nearly full, new jobs are refused and everything else still works', async () => {
    const { id } = await api.create();
    const key = { 'idempotency-key': 'before-it-was-full' };
    const answer = (await api.post({}, key)).body;
    const used = Number(/^used_memory:(\d+)/m.exec(await api.redis.info('memory'))![1]);
    await api.redis.config('SET', 'maxmemory', Math.floor(used / 0.8));
    await expect.poll(async () => (await api.post({})).statusCode, { timeout: 60_000 }).toBe(503);
    const response = await api.post({});
    expectProblem(response, 503, 'storage_full');
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
    expect((await api.post({}, key)).body).toBe(answer);
    expect((await api.request({ method: 'POST', url: `/jobs/${id}/cancel` })).statusCode).toBe(202);
    await api.redis.config('SET', 'maxmemory', 0);
    await expect.poll(async () => (await api.post({})).statusCode, { timeout: 60_000 }).toBe(202);
  });
});

describe('a handler that does not return', () => {
  const never = () => new Promise<never>(() => {});
  const stuck = openApi({
    timing: { handlerTimeoutMs: 50 },
    workers: { list: never },
  });

  it('gets 503', async () => {
    expectProblem(await stuck.request({ url: '/workers' }), 503, 'overloaded');
  });
});
