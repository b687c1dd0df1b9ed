import { connect } from 'node:net';
import fc from 'fast-check';
import type { InjectOptions } from 'fastify';
import { describe, expect, it } from 'vitest';
import { COMMITTED, filledPath, openApi } from './open-api.ts';

/** No client input causes a 500, a hang or a response that is not in the document. */

const api = openApi();
const RUNS = { numRuns: 300 };

/** openApi().request checks each response against the document, and refuses a 500. */
async function survives(options: InjectOptions): Promise<void> {
  const response = await api.request(options);
  if (response.statusCode >= 400 && options.method !== 'HEAD') {
    expect(response.headers['content-type']).toBe('application/problem+json');
    // The name of a check of /readyz.
    expect(response.body.replace('"redis":"ok"', '')).not.toMatch(/node_modules|\.ts:|at Object|redis/i);
  }
}

const send = (payload: string | Buffer) =>
  survives({ method: 'POST', url: '/jobs', headers: { 'content-type': 'application/json' }, payload });

const key = fc.constantFrom(
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'name',
    'dataset',
    'model',
    'optimizer',
    'training',
  ],
  ...['engine', 'metadata', 'limits', 'hidden_units', 'type', 'epochs', 'batch_size', 'seed', '', '/', '~'],
);
const leaf = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    -0,
    1e308,
    -1,
    2 ** 53,
    0.5,
    '',
    'mnist',
    'mnist_sample',
    'adam',
    'auto',
    [],
    {},
  ),
  fc.string({ unit: 'binary' }),
  fc.double(),
  fc.integer(),
);
/** JSON with the spec's words in the wrong places. */
const nearSpec = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('tree')), { maxLength: 6 }).map((pairs) => Object.fromEntries(pairs)),
  ),
})).tree;

const methods = fc.constantFrom('GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'HEAD', 'OPTIONS', 'TRACE');
const documentedPath = fc.constantFrom(...Object.keys(COMMITTED.paths).filter((path) => path !== '/metrics'));
/** URLs that inject can carry: visible ASCII, as in HTTP. */
const segment = fc.oneof(
  fc.string({ unit: 'grapheme-ascii' }).map(encodeURIComponent),
  fc.string({ unit: 'grapheme' }).map(encodeURIComponent),
  fc.constantFrom(
    '%',
    '%zz',
    '%00',
    '..',
    '%2e%2e',
    '%2f',
    '%5c',
    '.',
    ';',
    ':id',
    '*',
    '%ff',
    'jobs',
    '//',
    '%0d%0a',
  ),
);
const headerValue = fc.string({ unit: fc.constantFrom(...'abc,;=q*/."\\ 0123\t+-'), maxLength: 40 });
const headers = fc.dictionary(
  fc.constantFrom(
    ...['accept', 'content-type', 'if-none-match', 'idempotency-key', 'last-event-id', 'content-encoding'],
    ...[
      'host',
      'range',
      'expect-ct',
      'x-forwarded-host',
      'x-forwarded-for',
      'x-http-method-override',
      'origin',
      'upgrade',
    ],
  ),
  headerValue,
);

describe('no client input causes a 500', () => {
  it('bodies of JSON', () => fc.assert(fc.asyncProperty(fc.json(), send), RUNS));

  it('bodies of the words of the spec', () =>
    fc.assert(
      fc.asyncProperty(nearSpec, (value) => send(JSON.stringify(value))),
      { numRuns: 1000 },
    ));

  it('bodies on requests that take none', () =>
    fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array({ maxLength: 100 }).map(Buffer.from),
          fc.json(),
          fc.constantFrom('', '{}', 'null'),
        ),
        headerValue,
        fc.constantFrom('POST', 'DELETE', 'GET'),
        async (payload, type, method) => {
          const { id } = await api.create();
          const url = method === 'POST' ? `/jobs/${id}/cancel` : `/jobs/${id}`;
          await survives({ method: method as 'GET', url, headers: { 'content-type': type }, payload });
        },
      ),
      RUNS,
    ));

  it('bodies of bytes', () =>
    fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), (bytes) => send(Buffer.from(bytes))),
      RUNS,
    ));

  it('queries', () =>
    fc.assert(
      fc.asyncProperty(
        documentedPath,
        fc.array(
          fc.tuple(
            fc.oneof(
              fc.constantFrom('limit', 'after', 'status', 'format', 'lastEventId', '_', 'utm_x', '__proto__'),
              segment,
            ),
            segment,
          ),
          { maxLength: 4 },
        ),
        async (path, pairs) => {
          const query = pairs.map(([name, value]) => `${name}=${value}`).join('&');
          const id = (await api.create()).id;
          await survives({ url: `${filledPath(path, id)}?${query}` });
        },
      ),
      RUNS,
    ));

  it('paths and methods', () =>
    fc.assert(
      fc.asyncProperty(methods, fc.array(segment, { maxLength: 5 }), async (method, segments) => {
        // inject resolves dots as a browser does; the socket below gets them raw.
        await survives({ method: method as 'GET', url: `/${segments.join('/')}` });
      }),
      RUNS,
    ));

  it('headers', () =>
    fc.assert(
      fc.asyncProperty(methods, documentedPath, headers, async (method, path, sent) => {
        if (sent.accept?.includes('event-stream')) return;
        const id = (await api.create()).id;
        await survives({
          method: method as 'GET',
          url: filledPath(path, id),
          headers: sent,
          ...(method === 'GET' || method === 'HEAD' ? {} : { payload: '{}' }),
        });
      }),
      RUNS,
    ));

  it('bytes on the socket', async () => {
    const port = Number(new URL(api.url).port);
    const line = fc.oneof(
      fc.constantFrom(
        'GET / HTTP/1.1',
        'POST /jobs HTTP/1.1',
        'Host: localhost',
        'Content-Length: 5',
        'Transfer-Encoding: chunked',
        'Content-Type: application/json',
        'Expect: 100-continue',
        'Expect: nonsense',
        'Connection: upgrade',
        'Upgrade: websocket',
        'GET /jobs/../../etc/passwd HTTP/1.1',
        'GET http://evil.example/ HTTP/1.1',
        'CONNECT evil.example:80 HTTP/1.1',
        'OPTIONS * HTTP/1.1',
        'GET / HTTP/9.9',
        '',
        '{}',
        '5',
      ),
      fc.string({ unit: 'binary' }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 12 }), async (lines) => {
        const answer = await new Promise<string>((resolve) => {
          const socket = connect(port, '127.0.0.1', () => socket.end(`${lines.join('\r\n')}\r\n\r\n`));
          let text = '';
          socket.setEncoding('latin1').on('data', (chunk) => {
            text += chunk;
          });
          socket.on('close', () => resolve(text)).on('error', () => {});
        });
        expect(answer).not.toContain('HTTP/1.1 500');
      }),
      RUNS,
    );
    expect((await api.request({ url: '/livez' })).statusCode).toBe(200);
  });
});
