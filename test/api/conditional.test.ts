import { describe, expect, it } from 'vitest';
import { epochReport, metricsOf } from '../store/open-store.ts';
import { openApi } from './open-api.ts';

const api = openApi();

const PRIVATE = { 'cache-control': 'private, no-cache' };

const get = (url: string, headers: Record<string, string> = {}) =>
  api.request({ method: 'GET', url, headers });

async function etagOf(url: string, headers: Record<string, string> = {}): Promise<string> {
  const { statusCode, headers: answer } = await get(url, headers);
  expect(statusCode).toBe(200);
  expect(answer).toMatchObject(PRIVATE);
  expect(answer.vary).toMatch(/Authorization, Cookie/);
  return answer.etag!;
}

/** Repeats the request with the ETag. */
const isUnchanged = async (url: string, etag: string, headers: Record<string, string> = {}) =>
  (await get(url, { ...headers, 'if-none-match': etag })).statusCode === 304;

/** All views of a job that support conditional requests. */
const VIEWS: [string, (id: string) => string, Record<string, string>][] = [
  ['the job', (id) => `/jobs/${id}`, {}],
  ['its metrics', (id) => `/jobs/${id}/metrics`, {}],
  ['its metrics as CSV', (id) => `/jobs/${id}/metrics`, { accept: 'text/csv' }],
  ['its events', (id) => `/jobs/${id}/events`, {}],
  ['its loss chart', (id) => `/jobs/${id}/charts/loss.svg`, {}],
  ['its accuracy chart', (id) => `/jobs/${id}/charts/accuracy.svg`, {}],
];

describe.each(VIEWS)('%s', (_name, urlOf, headers) => {
  it('returns 304 without a body while nothing has changed, and 200 after an event', async () => {
    const { id, token } = await api.running();
    const url = urlOf(id);
    const etag = await etagOf(url, headers);
    const again = await get(url, { ...headers, 'if-none-match': `"other", W/${etag}` });
    expect(again.statusCode).toBe(304);
    expect(again.body).toBe('');
    expect(again.headers).toMatchObject({ ...PRIVATE, etag });
    expect(await isUnchanged(url, '*', headers)).toBe(true);

    await api.transitions.epoch(id, token, { ...epochReport(1), metrics: metricsOf(1) });
    expect(await isUnchanged(url, etag, headers)).toBe(false);
    expect(await etagOf(url, headers)).not.toBe(etag);
  });

  it('returns 404 if there is no such job, with any If-None-Match', async () => {
    const nothing = 'job_01KAXW3Q2M5N6P7Q8R9S0T1V2W';
    expect((await get(urlOf(nothing), { ...headers, 'if-none-match': '*' })).statusCode).toBe(404);
  });
});

describe('the ETag of a job', () => {
  it('changes with progress that is not an event', async () => {
    const { id, token } = await api.running();
    const etag = await etagOf(`/jobs/${id}`);
    const { seq } = (await api.store.head('local', id))!;
    await api.transitions.progress(id, token, { ...epochReport(1).progress, step: 7 });
    expect((await api.store.head('local', id))!.seq).toBe(seq);
    expect(await isUnchanged(`/jobs/${id}`, etag)).toBe(false);
  });

  it('changes with its place in the queue, which other jobs change', async () => {
    const ahead = await api.create();
    const { id } = await api.create();
    const etag = await etagOf(`/jobs/${id}`);
    expect(await isUnchanged(`/jobs/${id}`, etag)).toBe(true);
    await api.request({ method: 'POST', url: `/jobs/${ahead.id}/cancel` });
    expect(await isUnchanged(`/jobs/${id}`, etag)).toBe(false);
  });

  it('changes when the same revision is written again, after Redis lost it', async () => {
    const { id, token } = await api.running();
    const key = api.keys.job(id);
    const before = await api.redis.hgetall(key);
    await api.transitions.progress(id, token, { ...epochReport(1).progress, step: 7 });
    const etag = await etagOf(`/jobs/${id}`);
    const revision = await api.redis.hget(key, 'revision');

    await api.redis.hset(key, before);
    await api.redis.hincrby(key, 'event_at', 10);
    await api.transitions.progress(id, token, { ...epochReport(1).progress, step: 9 });
    expect(await api.redis.hget(key, 'revision')).toBe(revision);
    expect(await isUnchanged(`/jobs/${id}`, etag)).toBe(false);
  });
});

it('metrics as JSON and as CSV have ETags of their own', async () => {
  const { id } = await api.running();
  const url = `/jobs/${id}/metrics`;
  expect(await etagOf(url)).not.toBe(await etagOf(url, { accept: 'text/csv' }));
});
