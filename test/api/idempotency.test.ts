import { describe, expect, it } from 'vitest';
import { hashBody, parseIdempotencyKey } from '../../src/api/http/idempotency.ts';
import { expectProblem, openApi } from './open-api.ts';

const api = openApi();
const keyed = (key: string) => ({ 'idempotency-key': key });

describe('Idempotency-Key', () => {
  it('answers a repeat with the same bytes and creates nothing', async () => {
    const first = await api.post({ name: 'once' }, keyed('a'));
    expect(first.headers).not.toHaveProperty('idempotency-replayed');
    const again = await api.post({ name: 'once' }, keyed('a'));
    expect(again.statusCode).toBe(202);
    expect(again.rawPayload.equals(first.rawPayload)).toBe(true);
    expect(again.headers).toMatchObject({
      location: first.headers.location,
      'content-type': first.headers['content-type'],
      'idempotency-replayed': 'true',
    });
  });

  it('creates one job for thirty concurrent requests', async () => {
    const before = await openJobs();
    const responses = await Promise.all(
      Array.from({ length: 30 }, () => api.post({ name: 'crowd' }, keyed('crowd'))),
    );
    expect(new Set(responses.map(({ body }) => body)).size).toBe(1);
    const replays = responses.filter(({ headers }) => headers['idempotency-replayed'] === 'true');
    expect(replays).toHaveLength(29);
    expect(await openJobs()).toBe(before + 1);
  });

  it('belongs to one body: key order and blanks do not matter, omitted defaults do', async () => {
    const send = (payload: string) =>
      api.request({
        method: 'POST',
        url: '/jobs',
        headers: { 'content-type': 'application/json', ...keyed('order') },
        payload,
      });
    const first = await send('{"name":"x","training":{"epochs":3,"seed":1}}');
    const again = await send(' { "training" : {"seed":1.0, "epochs":3}, "name":"\\u0078" } ');
    expect(again.body).toBe(first.body);
    const withDefault = await send('{"name":"x","dataset":"mnist","training":{"epochs":3,"seed":1}}');
    expectProblem(withDefault, 422, 'idempotency_key_reused');
  });

  it('gets the same response after the job has changed, and none after it was deleted', async () => {
    const first = await api.post({}, keyed('gone'));
    const { id } = first.json();
    await api.request({ method: 'POST', url: `/jobs/${id}/cancel` });
    expect((await api.post({}, keyed('gone'))).body).toBe(first.body);
    await api.request({ method: 'DELETE', url: `/jobs/${id}` });
    expect(expectProblem(await api.post({}, keyed('gone')), 409, 'job_deleted').detail).toContain(id);
  });

  it('is not used up by a refused request', async () => {
    expectProblem(await api.post({ nope: 1 }, keyed('refused')), 422, 'validation_failed');
    expect((await api.post({}, keyed('refused'))).headers).not.toHaveProperty('idempotency-replayed');
  });

  it.each(['', ' ', 'a b', 'x'.repeat(256), '"open', '"a"b', 'é', '""', '"\\x"'])(
    'refuses %j',
    async (key) => {
      const { errors } = expectProblem(await api.post({}, keyed(key)), 422, 'validation_failed');
      expect(errors).toEqual([
        {
          in: 'header',
          pointer: '/idempotency-key',
          detail: expect.stringContaining('1 to 255 visible ASCII'),
        },
      ]);
    },
  );

  it('reads a quoted string as its content', () => {
    expect(parseIdempotencyKey('"abc"')).toBe('abc');
    expect(parseIdempotencyKey('abc')).toBe('abc');
    expect(parseIdempotencyKey('"a\\"b\\\\c"')).toBe('a"b\\c');
    expect(parseIdempotencyKey('x'.repeat(255))).toHaveLength(255);
    expect(parseIdempotencyKey(undefined)).toBeUndefined();
  });

  it('hashes the value of the JSON, not its text', () => {
    expect(hashBody({ b: [1, { d: 2, c: 3 }], a: null })).toBe(hashBody({ a: null, b: [1, { c: 3, d: 2 }] }));
    expect(hashBody({ a: [1, 2] })).not.toBe(hashBody({ a: [2, 1] }));
    expect(hashBody({ a: 1 })).not.toBe(hashBody({ a: '1' }));
  });
});

describe('a full queue', () => {
  const small = openApi({ maxQueuedJobs: 2 });

  it('refuses new jobs and still replays stored responses', async () => {
    const first = await small.post({}, keyed('k'));
    await small.create();
    const response = await small.post({});
    const problem = expectProblem(response, 429, 'queue_full');
    expect(problem.detail).toContain('2');
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
    expect((await small.post({}, keyed('k'))).body).toBe(first.body);
    await small.start(first.json().id);
    await small.create();
  });
});

async function openJobs(): Promise<number> {
  let count = 0;
  let next: string | null = '/jobs?limit=100';
  while (next !== null) {
    const page: { data: unknown[]; next: string | null } = (await api.request({ url: next })).json();
    count += page.data.length;
    next = page.next;
  }
  return count;
}
