import { connect } from 'node:net';
import type { InjectOptions } from 'fastify';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { newJobId } from '../store/open-store.ts';
import { expectProblem, openApi } from './open-api.ts';

const api = openApi();
const JSON_TYPE = { 'content-type': 'application/json' };

/** Sends bytes and reads until the server closes. */
function raw(text: string, url = api.url): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => socket.write(text));
    let answer = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('close', () => resolve(answer));
    socket.on('error', reject);
  });
}

const parseRaw = (answer: string) => {
  const [head = '', body = ''] = answer.split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), head: head.toLowerCase(), body };
};

const post = (payload: string | Buffer | undefined, headers: Record<string, string>) =>
  api.request({ method: 'POST', url: '/jobs', headers, ...(payload !== undefined && { payload }) });

describe('a body that cannot be read', () => {
  it.each(['{', '', ' ', '{"a":1,}', "{'a':1}", 'undefined', '{"a":NaN}', '\u0000', '{}x'])(
    '%j is refused with 400',
    async (payload) => {
      const problem = expectProblem(await post(payload, JSON_TYPE), 400, 'malformed_request');
      expect(problem.detail).not.toContain('node_modules');
    },
  );

  it('that is missing is refused, naming what to send', async () => {
    const problem = expectProblem(await post(undefined, {}), 400, 'malformed_request');
    expect(problem.detail).toContain('Send {}');
    expect(problem.detail).toContain('Content-Type: application/json');
  });

  it('in an encoding other than UTF-8 is refused; a byte order mark is accepted', async () => {
    expectProblem(await post(Buffer.from('{"name":"\xff"}', 'latin1'), JSON_TYPE), 400, 'malformed_request');
    expect((await post(Buffer.from('\ufeff{}'), JSON_TYPE)).statusCode).toBe(202);
  });

  it.each([
    'application/x-www-form-urlencoded',
    'text/plain',
    'text/json',
    'application/jsonx',
    'application/merge-patch+json',
    'multipart/form-data; boundary=x',
    'nonsense',
    ';',
    'application/json, text/plain',
    'application/json\ttext/plain',
  ])('of type %j is refused, naming the header to send', async (type) => {
    const problem = expectProblem(await post('{}', { 'content-type': type }), 415, 'unsupported_media_type');
    expect(problem.detail).toContain('Content-Type: application/json');
  });

  it('without a type is refused like what curl -d sends', async () => {
    const response = await request(api.url).post('/jobs').type('form').send('{}');
    expect([response.status, response.body.code]).toEqual([415, 'unsupported_media_type']);
  });

  it.each(['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/json;charset="UTF-8"'])(
    'of type %j is accepted',
    async (type) => {
      expect((await post('{}', { 'content-type': type })).statusCode).toBe(202);
    },
  );

  it('that is compressed is refused', async () => {
    const headers = { ...JSON_TYPE, 'content-encoding': 'gzip' };
    expectProblem(await post('{}', headers), 415, 'unsupported_media_type');
  });

  it('of more than 256 KiB is refused, one of exactly 256 KiB is not', async () => {
    const pad = (bytes: number) => `{}${' '.repeat(bytes - 2)}`;
    expect((await post(pad(256 * 1024), JSON_TYPE)).statusCode).toBe(202);
    expectProblem(await post(pad(256 * 1024 + 1), JSON_TYPE), 413, 'payload_too_large');
    const answer = parseRaw(
      await raw(
        'POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 999999999\r\n\r\n{',
      ),
    );
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([413, 'payload_too_large']);
  });

  it('nested a hundred thousand levels deep is refused without a crash', async () => {
    expectProblem(await post('['.repeat(130_000) + ']'.repeat(130_000), JSON_TYPE), 422, 'validation_failed');
    expectProblem(
      await post(`{"name":${'{"a":'.repeat(40_000)}1${'}'.repeat(40_000)}}`, JSON_TYPE),
      422,
      'validation_failed',
    );
  });

  it('with very many unknown fields gets a bounded response', async () => {
    const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`f${i}`, 0]));
    const problem = expectProblem(await api.post(many), 422, 'validation_failed');
    expect(problem.errors).toEqual([
      { in: 'body', pointer: '', detail: expect.stringContaining('at most 1000 values') },
    ]);
    const fewer = Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`f${i}`, 0]));
    expect(expectProblem(await api.post(fewer), 422, 'validation_failed').errors).toHaveLength(20);
  });

  it.each([
    ['one array', `[${'[],'.repeat(1_000)}[]]`, 'values'],
    ['many objects', `[${'{"a":1},'.repeat(500)}1]`, 'values'],
    ['33 levels', `${'[{"a":'.repeat(16)}[1]${'}]'.repeat(16)}`, 'inside each other'],
    ['no JSON at all', '[,{'.repeat(20), 'inside each other'],
  ])('is counted before it is looked at: %s', async (_name, payload, words) => {
    const { errors } = expectProblem(await post(payload, JSON_TYPE), 422, 'validation_failed');
    expect(errors).toEqual([{ in: 'body', pointer: '', detail: expect.stringContaining(words) }]);
  });

  it('may have brackets and commas in its texts', async () => {
    const metadata = { a: '[{,'.repeat(170), b: '\\",[{'.repeat(60), '",{[': '\\' };
    expect((await api.post({ metadata })).statusCode).toBe(202);
  });
});

describe('what was sent', () => {
  const LONG = `marker${'x'.repeat(3_000)}`;
  const HEADERS = { host: 'localhost', 'content-type': 'application/json' };
  const body = (payload: object): InjectOptions => ({
    method: 'POST',
    url: '/jobs',
    headers: HEADERS,
    payload: JSON.stringify(payload),
  });

  it.each<[string, InjectOptions]>([
    ['an unknown key', body({ [LONG]: 1 })],
    ['keys inside each other', body({ metadata: { [LONG]: { [LONG]: 1 } } })],
    ['a value', body({ name: 1, dataset: LONG, metadata: { a: [LONG], b: LONG } })],
    ['a type', body({ optimizer: { type: LONG } })],
    ['a number', body({ training: { seed: -1e300, epochs: 1e-300 } })],
    ['no JSON', { method: 'POST', url: '/jobs', headers: HEADERS, payload: LONG }],
    [
      'the same key twice',
      { method: 'POST', url: '/jobs', headers: HEADERS, payload: `{"${LONG}":1,"${LONG}":2}` },
    ],
    ['a parameter', { url: `/jobs?${LONG}=${LONG}` }],
    ['a value of a parameter', { url: `/jobs?status=${LONG}&after=${LONG}&limit=${'9'.repeat(3_000)}` }],
    ['a path', { url: `/${LONG}` }],
    ['an id', { url: `/jobs/${LONG}` }],
    ['a host', { url: '/jobs', headers: { host: LONG } }],
    ['a key', { ...body({}), headers: { ...HEADERS, 'idempotency-key': LONG } }],
    ['an event id', { url: `/jobs/${newJobId()}/events`, headers: { 'last-event-id': LONG } }],
    ['a type that is wanted', { url: `/jobs/${newJobId()}/metrics`, headers: { accept: LONG } }],
    ['a type of the body', { ...body({}), headers: { ...HEADERS, 'content-type': LONG } }],
    ['an encoding', { ...body({}), headers: { ...HEADERS, 'content-encoding': LONG } }],
  ])('is never repeated beyond 100 characters: %s', async (_name, options) => {
    const response = await api.request(options);
    expect(response.statusCode).toBeGreaterThanOrEqual(400);
    const text = response.body + JSON.stringify(response.headers);
    for (const run of text.match(/x+|9+/g) ?? []) expect(run.length).toBeLessThanOrEqual(100);
  });
});

describe('input that is not HTTP', () => {
  it.each([
    ['nonsense', 'nonsense\r\n\r\n', 400, 'malformed_request'],
    [
      'two lengths',
      'POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
      400,
      'malformed_request',
    ],
    [
      'a length and chunks',
      'POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}',
      400,
      'malformed_request',
    ],
    [
      'headers of 20 KB',
      `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      'headers_too_large',
    ],
    [
      'a path of 20 KB',
      `GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
      431,
      'headers_too_large',
    ],
  ])('%s gets the same form of problem', async (_name, text, status, code) => {
    const answer = parseRaw(await raw(text));
    expect(answer.head).toContain('content-type: application/problem+json');
    expect(answer.head).toContain('connection: close');
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([status, code]);
  });
});

describe('a request that does not arrive', () => {
  const hasty = openApi({ timing: { requestTimeoutMs: 300, handlerTimeoutMs: 300 } });

  it.each([
    ['within its headers', 'POST /jobs HTTP/1.1\r\nHost: localhost\r\n'],
    [
      'within its body',
      'POST /jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
    ],
  ])('%s gets 408 and is closed', async (_name, text) => {
    const answer = parseRaw(await raw(text, hasty.url));
    expect([answer.status, JSON.parse(answer.body).code]).toEqual([408, 'request_timeout']);
  });
});

describe('every response', () => {
  it('carries the security headers, and is not stored', async () => {
    for (const url of ['/jobs', '/nowhere', '/livez', '/jobs/x']) {
      const { headers } = await request(api.url).get(url);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
        'x-frame-options': 'DENY',
        'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
        'request-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
      expect(headers).not.toHaveProperty('access-control-allow-origin');
      expect(headers).not.toHaveProperty('x-powered-by');
    }
  });

  it('that is a problem has the request id of the header', async () => {
    const response = await request(api.url).get('/nowhere');
    expect(response.body.instance).toBe(`urn:uuid:${response.headers['request-id']}`);
  });
});

describe('a process under pressure', () => {
  const pressed = openApi({ timing: { maxEventLoopDelayMs: 50 } });

  it('refuses work and still answers probes', async () => {
    const blockUntil = performance.now() + 1_500;
    while (performance.now() < blockUntil);
    await expect
      .poll(
        async () => (await pressed.app.inject({ url: '/jobs', headers: { host: 'localhost' } })).statusCode,
      )
      .toBe(503);
    const response = await pressed.request({ url: '/jobs' });
    if (response.statusCode === 503) {
      expectProblem(response, 503, 'overloaded');
      expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
    }
    expect((await pressed.request({ url: '/livez' })).statusCode).toBe(200);
  });
});
