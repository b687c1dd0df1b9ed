import { get as httpGet } from 'node:http';
import { describe, expect, it } from 'vitest';
import { LONGEST_WAIT_SECONDS, parseWait } from '../../src/api/http/preferences.ts';
import { quotasFor } from '../../src/api/quotas.ts';
import type { Job } from '../../src/contract/job.ts';
import { ApiKeys } from '../../src/store/api-keys.ts';
import { FAILURE, newJobId, SUCCESS } from '../store/open-store.ts';
import { EventViewer } from './event-viewer.ts';
import { expectProblem, type OpenApi, openApi } from './open-api.ts';

describe('Prefer', () => {
  it.each([
    ['wait=5', 5],
    ['wait=50', 50],
    ['wait=51', LONGEST_WAIT_SECONDS],
    [`wait=${'9'.repeat(400)}`, LONGEST_WAIT_SECONDS],
    ['respond-async, WAIT=7', 7],
    ['wait = "7"', 7],
    ['handling=lenient; x="a,wait=3", wait=4;foo', 4],
    ['foo="a\\",wait=3", wait=4', 4],
    ['wait=5, wait=9', 5],
    ['wait=x, wait=9', undefined],
    ['wait=0', undefined],
    ['wait=-1', undefined],
    ['wait=1.5', undefined],
    ['wait=1e1', undefined],
    ['wait=', undefined],
    ['wait', undefined],
    ['wait="5', undefined],
    ['await=5', undefined],
    ['"wait=5"', undefined],
    ['x="a, wait=5', undefined],
    [',,;=,"', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('%s is a wait of %s', (header, seconds) => {
    expect(parseWait(header)).toBe(seconds);
  });

  it.each(['a'.repeat(16_000), '"'.repeat(16_000), 'wait '.repeat(3_000), '\\"'.repeat(8_000)])(
    'is read in one pass',
    (header) => {
      expect(parseWait(`${header}"`)).toBeUndefined();
    },
  );
});

/** Requests here wake only on signals, or when their time is up. */
const SIGNALS_ONLY = { lookMs: 600_000 };
const api = openApi({ timing: SIGNALS_ONLY });

const WAIT = { prefer: 'wait=50' };

const open = async ({ request }: OpenApi): Promise<number> =>
  Number(/^descent_event_streams (\d+)$/m.exec((await request({ url: '/metrics' })).body)?.[1]);

const waiting = (at: OpenApi, count: number) => expect.poll(() => open(at), { timeout: 60_000 }).toBe(count);

const newest = async (at: OpenApi): Promise<Job> =>
  (await at.request({ url: '/jobs?limit=1' })).json().data[0];

async function finish({ transitions, start }: OpenApi, id: string): Promise<void> {
  await transitions.finish(id, await start(id), SUCCESS);
}

describe('POST /jobs that waits', () => {
  it('is answered 200 with the job when it has ended, and its repeat with the stored 202', async () => {
    const key = { 'idempotency-key': 'waits' };
    const answer = api.post({}, { ...WAIT, ...key });
    await waiting(api, 1);
    const { id } = await newest(api);
    const again = api.post({}, { ...WAIT, ...key });
    await waiting(api, 2);
    await finish(api, id);
    for (const [response, replayed] of [
      [await answer, undefined],
      [await again, 'true'],
    ] as const) {
      expect(response.statusCode).toBe(200);
      expect(response.headers).toMatchObject({ location: `/jobs/${id}`, 'preference-applied': 'wait=50' });
      expect(response.headers['idempotency-replayed']).toBe(replayed);
      expect(response.json()).toEqual((await api.request({ url: `/jobs/${id}` })).json());
      expect(response.json()).toMatchObject({ id, status: 'succeeded' });
    }
    const plain = await api.post({}, key);
    expect(plain.statusCode).toBe(202);
    expect(plain.json()).toMatchObject({ id, status: 'queued', queue_position: expect.any(Number) });
    expect(plain.headers).not.toHaveProperty('preference-applied');
    expect((await api.post({}, { ...WAIT, ...key })).statusCode).toBe(200);
    await waiting(api, 0);
  });

  it('does not wait for what is no job, or is not asked to', async () => {
    expectProblem(await api.post({ nope: 1 }, WAIT), 422, 'validation_failed');
    const response = await api.post({}, { prefer: 'wait=never, return=minimal' });
    expect(response.statusCode).toBe(202);
    expect(response.headers).not.toHaveProperty('preference-applied');
  });
});

describe('GET /jobs/{id} that waits', () => {
  it('is answered when the job has ended, however it ends', async () => {
    const { id, token } = await api.running();
    const before = await api.request({ url: `/jobs/${id}` });
    const ask = (headers: Record<string, string> = {}) =>
      api.request({ url: `/jobs/${id}`, headers: { ...WAIT, ...headers } });
    const answers = [ask(), ask({ 'if-none-match': before.headers.etag! })];
    await waiting(api, 2);
    await api.transitions.finish(id, token, FAILURE);
    for (const answer of answers) {
      const { statusCode, headers, body } = await answer;
      expect([statusCode, JSON.parse(body).status]).toEqual([200, 'failed']);
      expect(headers).toMatchObject({ 'preference-applied': 'wait=50', 'request-id': expect.any(String) });
      expect(headers['cache-control']).toBe('private, no-cache');
    }
    const { headers } = await ask();
    expect(headers).toMatchObject({
      'preference-applied': 'wait=50',
      etag: (await answers[0]!).headers.etag,
    });
    const same = await ask({ 'if-none-match': headers.etag! });
    expect([same.statusCode, same.body]).toEqual([304, '']);
    await waiting(api, 0);
  });

  it('is not for a job that does not exist', async () => {
    const response = await api.request({ url: `/jobs/${newJobId()}`, headers: WAIT });
    expectProblem(response, 404, 'job_not_found');
  });

  it('ends with its client', async () => {
    const { id } = await api.running();
    const subscribers = async () => (await api.redis.pubsub('NUMSUB', api.keys.seqChannel(id)))[1];
    const request = httpGet(`${api.url}/jobs/${id}`, { headers: WAIT }).on('error', () => {});
    await expect.poll(subscribers).toBe(1);
    await waiting(api, 1);
    request.destroy();
    await expect.poll(subscribers).toBe(0);
    await waiting(api, 0);
  });
});

describe('a wait whose time is up', () => {
  const hurried = openApi({ timing: { ...SIGNALS_ONLY, handlerTimeoutMs: 2_000 } });

  it('is answered with the job as it is, and the time-out of other requests does not cut it', async () => {
    const { id } = await hurried.running();
    const headers = { prefer: 'wait=3' };
    const { etag } = (await hurried.request({ url: `/jobs/${id}` })).headers;
    const [shown, same, head, posted] = await Promise.all([
      hurried.request({ url: `/jobs/${id}`, headers }),
      hurried.request({ url: `/jobs/${id}`, headers: { ...headers, 'if-none-match': etag! } }),
      fetch(`${hurried.url}/jobs/${id}`, { method: 'HEAD', headers }),
      hurried.post({ name: 'posted' }, headers),
    ]);
    expect(shown.statusCode).toBe(200);
    expect(shown.json()).toMatchObject({ id, status: 'running' });
    expect(posted.statusCode).toBe(202);
    expect(posted.json()).toMatchObject({ status: 'queued', spec: { name: 'posted' } });
    expect([same.statusCode, same.body, same.headers.etag]).toEqual([304, '', etag]);
    expect([head.status, head.headers.get('content-length')]).toEqual([200, `${shown.body.length}`]);
    for (const response of [shown, same, posted]) {
      expect(response.headers['preference-applied']).toBe('wait=3');
    }
  });
});

describe('requests that wait', () => {
  const few = openApi({ maxStreams: 1, timing: SIGNALS_ONLY });
  const own = openApi({ quotas: quotasFor('none', { QUOTA_STREAMS: 1 }), timing: SIGNALS_ONLY });
  const narrow = openApi({
    timing: { ...SIGNALS_ONLY, inFlight: { reads: 1, writes: 1, sustainedWrites: 1 } },
  });

  it.each([
    ['of a process', () => few, 503, 'overloaded', 'MAX_STREAMS'],
    ['of an owner', () => own, 429, 'quota_exceeded', 'QUOTA_STREAMS'],
  ] as const)('count among the streams %s', async (_whose, at, status, code, setting) => {
    const { request, post, running, url, transitions } = at();
    const { id, token } = await running();
    const answer = request({ url: `/jobs/${id}`, headers: WAIT });
    await waiting(at(), 1);
    const before = (await newest(at())).id;
    for (const refused of [
      await request({ url: `/jobs/${id}`, headers: WAIT }),
      await post({}, WAIT),
      await request({ url: `/jobs/${id}/events`, headers: { accept: 'text/event-stream' } }),
    ]) {
      expect(expectProblem(refused, status, code).detail).toContain(setting);
      expect(refused.headers['retry-after']).toBe('10');
      expect(refused.headers).not.toHaveProperty('preference-applied');
    }
    expect((await newest(at())).id).toBe(before);
    expect((await request({ url: '/me' })).json().use.streams.used).toBe(1);
    expect((await request({ url: `/jobs/${id}` })).statusCode).toBe(200);
    await transitions.finish(id, token, FAILURE);
    expect((await answer).statusCode).toBe(200);
    // A job that has ended needs no place.
    const viewer = await EventViewer.open(`${url}/jobs/${(await running()).id}/events`);
    await viewer.block();
    expect((await request({ url: `/jobs/${id}`, headers: WAIT })).statusCode).toBe(200);
  });

  it('keep no other request out', async () => {
    const { id, token } = await narrow.running();
    const answers = [
      narrow.request({ url: `/jobs/${id}`, headers: WAIT }),
      narrow.post({ name: 'waits' }, WAIT),
    ];
    await waiting(narrow, 2);
    expect((await narrow.post({})).statusCode).toBe(202);
    expect((await narrow.request({ url: `/jobs/${id}` })).statusCode).toBe(200);
    await narrow.transitions.finish(id, token, FAILURE);
    const { data } = (await narrow.request({ url: '/jobs?status=queued' })).json();
    for (const job of data) await narrow.request({ method: 'POST', url: `/jobs/${job.id}/cancel` });
    expect((await Promise.all(answers)).map(({ statusCode }) => statusCode)).toEqual([200, 200]);
  });
});

describe('a shutdown', () => {
  const closing = openApi({ timing: SIGNALS_ONLY });

  it('answers every request that waits, with the job as it is', async () => {
    const { id } = await closing.running();
    const answers = [
      fetch(`${closing.url}/jobs/${id}`, { headers: WAIT }),
      fetch(`${closing.url}/jobs`, {
        method: 'POST',
        headers: { ...WAIT, 'content-type': 'application/json' },
        body: '{}',
      }),
    ];
    await waiting(closing, 2);
    await closing.app.close();
    const [shown, posted] = await Promise.all(answers);
    expect([shown!.status, posted!.status]).toEqual([200, 202]);
    expect([shown!.headers.get('connection'), posted!.headers.get('connection')]).toEqual(['close', 'close']);
    expect([await shown!.json(), await posted!.json()]).toMatchObject([
      { status: 'running' },
      { status: 'queued' },
    ]);
  });
});

describe('a key that is revoked', () => {
  const guarded = openApi({ auth: 'keys', timing: SIGNALS_ONLY });

  it('ends its requests that wait', async () => {
    const keys = new ApiKeys(guarded.redis, guarded.keys);
    const { key, text } = await keys.create({
      name: 'k',
      owner: 'erin',
      role: 'writer',
      lifetimeMs: undefined,
    });
    const admin = await keys.create({ name: 'a', owner: 'root', role: 'admin', lifetimeMs: undefined });
    const bearer = { authorization: `Bearer ${text}` };
    const created = await guarded.post({}, bearer);
    const id = created.json<Job>().id;
    const token = await guarded.start(id);
    const answer = guarded.request({ url: `/jobs/${id}`, headers: { ...bearer, ...WAIT } });
    const streams = async () =>
      (await guarded.request({ url: '/me', headers: bearer })).json().use?.streams.used;
    await expect.poll(streams).toBe(1);
    await keys.revoke(key.id);
    await expect.poll(streams).toBeUndefined();
    // It looks at the next event.
    await guarded.redis.publish(guarded.keys.seqChannel(id), '3');
    const response = await answer;
    const problem = expectProblem(response, 401, 'unauthenticated');
    expect(problem.detail).toContain('while the request waited');
    expect(response.headers['www-authenticate']).toContain('invalid_token');
    const shown = await guarded.request({
      url: `/jobs/${id}`,
      headers: { authorization: `Bearer ${admin.text}` },
    });
    expect(shown.json()).toMatchObject({ status: 'running' });
    await guarded.transitions.finish(id, token, FAILURE);
  });
});

describe('a signal that is lost', () => {
  const restless = openApi({ timing: { lookMs: 20 } });

  it('only costs time', async () => {
    const { id } = await restless.running();
    const answer = restless.request({ url: `/jobs/${id}`, headers: WAIT });
    await waiting(restless, 1);
    // As if the subscriber had been disconnected, and the record was removed by retention.
    await restless.redis.del(restless.keys.job(id));
    expectProblem(await answer, 404, 'job_not_found');
  });
});
