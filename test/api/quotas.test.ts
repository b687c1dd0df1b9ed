import { describe, expect, it } from 'vitest';
import { TokenBuckets } from '../../src/api/http/token-buckets.ts';
import { quotasFor } from '../../src/api/quotas.ts';
import { useOf } from '../../src/api/use.ts';
import { monotonicMs } from '../../src/process/clock.ts';
import { Datasets } from '../../src/store/datasets.ts';
import { newCounters } from '../../workers/counters.ts';
import { EventViewer } from './event-viewer.ts';
import { expectProblem, openApi } from './open-api.ts';

describe('quotas', () => {
  it('have defaults only with keys, but apply in any case when set', () => {
    expect(quotasFor('none', {})).toEqual({
      queuedJobs: undefined,
      runningJobs: 'ahead',
      requestsPerMinute: undefined,
      streams: undefined,
      storageBytes: undefined,
    });
    expect(quotasFor('keys', { QUOTA_STREAMS: 3 })).toMatchObject({ runningJobs: 'slots', streams: 3 });
    const set = quotasFor('none', { QUOTA_RUNNING_JOBS: 2, QUOTA_STORAGE_GB: 0.5 });
    expect(set).toMatchObject({ runningJobs: 2, storageBytes: 5e8 });
  });
});

describe('POST /jobs', () => {
  const api = openApi({ quotas: quotasFor('none', { QUOTA_QUEUED_JOBS: 2, QUOTA_STORAGE_GB: 0.001 }) });

  it('names the quota, its use and its setting; a repeat still gets its answer', async () => {
    const first = await api.post({}, { 'idempotency-key': 'first' });
    const { id } = await api.create();
    const refused = await api.post({});
    const problem = expectProblem(refused, 429, 'quota_exceeded');
    expect(problem.detail).toMatch(
      /^2 of your jobs are queued or paused, and at most 2 may be \(QUOTA_QUEUED_JOBS\)/,
    );
    expect(refused.headers['retry-after']).toBe('30');
    expect((await api.post({}, { 'idempotency-key': 'first' })).body).toBe(first.body);
    await api.request({ method: 'POST', url: `/jobs/${id}/cancel` });
    await api.create();
  });

  it('can be read beside what is used', async () => {
    const buckets = new TokenBuckets(10);
    buckets.take('local', monotonicMs());
    const datasets = new Datasets(api.redis, api.keys);
    const quotas = quotasFor('none', { QUOTA_QUEUED_JOBS: 2, QUOTA_REQUESTS_PER_MINUTE: 10 });
    expect(await useOf('local', { store: api.store, datasets, quotas }, { buckets, streams: 1 })).toEqual({
      queued: { used: 2, limit: 2 },
      running: { used: 0, limit: null },
      storage_bytes: { used: 0, limit: null },
      dataset_bytes: { used: 0, limit: null },
      requests_this_minute: { used: 1, limit: 10 },
      streams: { used: 1, limit: null },
    });
  });

  it('counts the files of finished jobs', async () => {
    for (const job of (await api.request({ url: '/jobs?status=queued' })).json().data) {
      await api.request({ method: 'POST', url: `/jobs/${job.id}/cancel` });
    }
    await api.redis.hset(api.keys.storage, 'local', 1_000_000);
    const problem = expectProblem(await api.post({}), 429, 'quota_exceeded');
    expect(problem.detail).toContain('take 0.001 GB, and at most 0.001 GB are allowed (QUOTA_STORAGE_GB)');
  });
});

describe('the memory of a job', () => {
  const api = openApi();
  const report = (id: string, memory_mb: number | null) =>
    api.reports.write({
      id,
      host: 'host-a',
      pid: 1,
      version: '0.0.0',
      concurrency: 1,
      memory_mb,
      trained: [],
      started_at: '2026-11-22T10:00:00.000Z',
      problem: null,
      running: [],
      engines: [],
      counters: newCounters(),
    });
  const large = { model: { hidden_units: [2048, 2048] }, training: { batch_size: 2048 } };

  it('is admitted while no worker is live, and refused with the numbers when none has room', async () => {
    const key = { 'idempotency-key': 'large' };
    const admitted = await api.post(large, key);
    expect(admitted.statusCode).toBe(202);
    await report('host-a/1', 128);
    await report('host-a/2', 300);
    // A process asks for the workers every 2 s at most.
    await expect.poll(async () => (await api.post(large)).statusCode, { timeout: 60_000 }).toBe(422);
    const problem = expectProblem(await api.post(large), 422, 'job_too_large');
    expect(problem.detail).toMatch(
      /^This job needs about \d{3} MB of memory, .* at most 300 MB .*WORKER_MEMORY_MB/,
    );
    expect((await api.post({})).statusCode).toBe(202);
    expect((await api.post(large, key)).body).toBe(admitted.body);
  });
});

describe('requests a minute', () => {
  const api = openApi({ quotas: quotasFor('none', { QUOTA_REQUESTS_PER_MINUTE: 3 }) });

  it('are counted and refused, except those of probes', async () => {
    for (const url of ['/livez', '/readyz?exclude=workers', '/metrics', '/livez']) {
      const { statusCode, headers } = await api.request({ url });
      expect([statusCode, headers.ratelimit]).toEqual([200, undefined]);
    }
    const left = [];
    for (let i = 0; i < 3; i += 1) {
      const { headers } = await api.request({ url: '/datasets' });
      expect(headers['ratelimit-policy']).toBe('"requests";q=3;w=60');
      left.push(headers.ratelimit);
    }
    expect(left[0]).toBe('"requests";r=2;t=20');
    expect(left[2]).toMatch(/^"requests";r=0;t=(60|5\d)$/);
    const refused = await api.request({ url: '/jobs' });
    const problem = expectProblem(refused, 429, 'rate_limited');
    expect(problem.detail).toContain('3 requests a minute (QUOTA_REQUESTS_PER_MINUTE)');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await api.request({ url: '/livez' })).statusCode).toBe(200);
  });
});

describe('a token bucket', () => {
  it('fills steadily, and holds a minute at most', () => {
    const buckets = new TokenBuckets(60);
    for (let i = 0; i < 60; i += 1) expect(buckets.take('a', 0).allowed).toBe(true);
    expect(buckets.take('a', 0)).toEqual({
      allowed: false,
      remaining: 0,
      fullInSeconds: 60,
      nextInSeconds: 1,
    });
    expect(buckets.take('b', 0)).toMatchObject({ allowed: true, remaining: 59 });
    expect(buckets.take('a', 999).allowed).toBe(false);
    expect(buckets.take('a', 1_000).allowed).toBe(true);
    expect(buckets.take('a', 1_001).allowed).toBe(false);
    expect(buckets.look('a', 3_600_000)).toMatchObject({ allowed: true, remaining: 60, fullInSeconds: 0 });
  });

  it('forgets full buckets when there are many', () => {
    const buckets = new TokenBuckets(60);
    for (let i = 0; i < 20_000; i += 1) buckets.take(`owner ${i}`, i * 1_000);
    expect(buckets.size).toBeLessThan(10_001);
  });
});

describe('event streams', () => {
  const few = openApi({ maxStreams: 1 });
  const own = openApi({ quotas: quotasFor('none', { QUOTA_STREAMS: 1 }) });
  const stream = (id: string) => ({ url: `/jobs/${id}/events`, headers: { accept: 'text/event-stream' } });

  it.each([
    ['of a process', () => few, 503, 'overloaded', 'MAX_STREAMS'],
    ['of an owner', () => own, 429, 'quota_exceeded', 'QUOTA_STREAMS'],
  ] as const)('%s are limited', async (_whose, at, status, code, setting) => {
    const api = at();
    const { id } = await api.create();
    const viewer = await EventViewer.open(`${api.url}/jobs/${id}/events`);
    await viewer.block();
    const refused = await api.request(stream(id));
    expect(expectProblem(refused, status, code).detail).toContain(setting);
    expect(refused.headers['retry-after']).toBe('10');
    // The list stays open to all.
    expect((await api.request({ url: `/jobs/${id}/events` })).statusCode).toBe(200);
    viewer.close();
    await expect
      .poll(async () => (await api.request({ url: '/metrics' })).body, { timeout: 60_000 })
      .toMatch(/^descent_event_streams 0$/m);
    const next = await EventViewer.open(`${api.url}/jobs/${id}/events`);
    expect(await next.block()).toBe('retry: 2000');
    next.close();
  });
});
