import { request as httpRequest } from 'node:http';
import fc from 'fast-check';
import type { InjectOptions } from 'fastify';
import { describe, expect, it } from 'vitest';
import { COMMITTED, expectProblem, filledPath, openApi } from './open-api.ts';

/** Bodies on requests that take none, and JSON with duplicate keys. */

const api = openApi();

const TYPES = [
  undefined,
  'application/json',
  'application/json; charset=utf-8',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=X',
  'text/plain',
  'application/octet-stream',
  'nonsense',
  ';',
  '',
];

/** The ways in which client libraries send an empty body. */
const NOTHINGS = [
  ...[
    '',
    ' ',
    '\r\n',
    'null',
    ' null\n',
    '""',
    '{}',
    '{ }',
    '{\r\n\r\n}',
    '\t{\n}\n',
    '[]',
    '[ ]',
    'undefined',
  ],
  ...['\ufeff', '\ufeff{}', '\ufeffnull\r\n', '{}\0', '--X--\r\n', '--X--'],
];

/** Bodies with content. */
const SOMETHINGS = [
  ...[
    '{"reason":"x"}',
    '{"a":null}',
    '[1]',
    '[null]',
    '"x"',
    '0',
    'false',
    'reason=x',
    '{',
    '{}{}',
    '\u00ff',
  ],
  '--X\r\nContent-Disposition: form-data; name="reason"\r\n\r\nx\r\n--X--\r\n',
];

const typed = (type: string | undefined) => (type === undefined ? {} : { headers: { 'content-type': type } });

describe('a body on a request that takes none', () => {
  it.each(TYPES)('is accepted if it is empty, with any Content-Type (%j)', async (type) => {
    for (const payload of NOTHINGS) {
      const { id } = await api.create();
      const cancel = { method: 'POST', url: `/jobs/${id}/cancel`, payload, ...typed(type) } as const;
      const cancelled = await api.request(cancel);
      expect([cancelled.statusCode, cancelled.json().status], JSON.stringify(payload)).toEqual([
        202,
        'cancelled',
      ]);
      expect((await api.request({ url: `/jobs/${id}`, payload, ...typed(type) })).statusCode).toBe(200);
      const remove = { method: 'DELETE', url: `/jobs/${id}`, payload, ...typed(type) } as const;
      expect((await api.request(remove)).statusCode, JSON.stringify(payload)).toBe(204);
    }
  });

  it.each(TYPES)('is refused if it has content, and nothing is done (%j)', async (type) => {
    const { id } = await api.create();
    for (const payload of SOMETHINGS) {
      for (const [method, url] of [
        ['POST', `/jobs/${id}/cancel`],
        ['DELETE', `/jobs/${id}`],
        ['GET', `/jobs/${id}`],
        ['GET', '/livez'],
      ] as const) {
        const response = await api.request({ method, url, payload, ...typed(type) });
        const { errors } = expectProblem(response, 422, 'validation_failed');
        expect(errors).toEqual([
          { in: 'body', pointer: '', detail: expect.stringContaining('takes no body') },
        ]);
      }
    }
    expect((await api.request({ url: `/jobs/${id}` })).json().status).toBe('queued');
  });

  const bodiless = Object.entries(COMMITTED.paths).flatMap(([path, operations]) =>
    Object.keys(operations)
      .filter((method) => !('requestBody' in (operations[method] as object)))
      .map((method) => [method.toUpperCase(), path] as const),
  );

  it.each(bodiless)('is treated the same on %s %s', async (method, path) => {
    const { id } = await api.create();
    const url = filledPath(path, id);
    const options = { method: method as 'GET', url };
    const bare = await api.request(options);
    const again = method === 'DELETE' ? (await api.create()).id : id;
    const target = { ...options, url: filledPath(path, again) };
    expect((await api.request({ ...target, payload: 'null', ...typed('a/b') })).statusCode).toBe(
      bare.statusCode,
    );
    expectProblem(await api.request({ ...target, payload: '{"a":1}' }), 422, 'validation_failed');
    expectProblem(await api.request({ ...target, payload: 'x'.repeat(300_000) }), 413, 'payload_too_large');
  });

  it('may be chunked, or have length 0 and any type', async () => {
    const send = (url: string, headers: Record<string, string>, chunks: string[]) =>
      new Promise<number | undefined>((resolve, reject) => {
        const request = httpRequest(
          `${api.url}${url}`,
          { method: 'POST', headers, agent: false },
          (answer) => {
            answer.resume().on('end', () => resolve(answer.statusCode));
          },
        ).on('error', reject);
        for (const chunk of chunks) request.write(chunk);
        request.end();
      });
    for (const type of ['application/json', 'nonsense', undefined]) {
      const header: Record<string, string> = type === undefined ? {} : { 'content-type': type };
      const { id } = await api.create();
      const cancel = `/jobs/${id}/cancel`;
      expect(await send(cancel, { ...header, 'content-length': '0' }, [])).toBe(202);
      expect(await send(cancel, { ...header, 'transfer-encoding': 'chunked' }, [])).toBe(202);
      expect(await send(cancel, { ...header, 'transfer-encoding': 'chunked' }, ['{', '\r\n', '}'])).toBe(202);
      expect(await send(cancel, { ...header, 'transfer-encoding': 'chunked' }, ['{"a"', ':1}'])).toBe(422);
    }
  });
});

const post = (payload: string | Buffer): Promise<Awaited<ReturnType<typeof api.request>>> =>
  api.request({
    method: 'POST',
    url: '/jobs',
    headers: { 'content-type': 'application/json' },
    payload,
  } satisfies InjectOptions);

describe('a duplicate key', () => {
  it.each([
    ['{"name":"a","name":"b"}', '/name'],
    ['{"name":"a","name":"a"}', '/name'],
    ['{"name":"a","\\u006eame":"b"}', '/name'],
    ['{"training":{"epochs":1,"seed":2,"epochs":3}}', '/training/epochs'],
    ['{"training":{"epochs":1},"training":{"seed":2}}', '/training'],
    ['{"metadata":{"a/b~c":"1","a\\/b~c":"2"}}', '/metadata/a~1b~0c'],
    ['{"metadata":{"":"1","":"2"}}', '/metadata/'],
    ['{"x":[0,{"y":1},[[],{"z":{},"z":[]}]]}', '/x/2/1/z'],
    ['{"metadata":{"\\"}{":"1","\\u0022}{":"2"}}', '/metadata/"}{'],
    ['[{"a":1,"a":2}]', '/0/a'],
    ['{"😀":1,"\\ud83d\\ude00":2}', '/😀'],
    ['{"constructor":1,"constructor":2}', '/constructor'],
  ])('%s is refused at %s', async (body, pointer) => {
    const { errors } = expectProblem(await post(body), 400, 'malformed_request');
    expect(errors).toEqual([{ in: 'body', pointer, detail: expect.stringContaining('twice') }]);
  });

  it.each([
    '{"metadata":{"name":"a","dataset":"b"},"name":"a"}',
    '{"metadata":{"a":"{\\"a\\":1,\\"a\\":2}","A":"a","b":"a"}}',
  ])('is not reported where there is none: %s', async (body) => {
    expect((await post(body)).statusCode).toBe(202);
  });

  it('is found in the deepest and longest bodies that are looked at', async () => {
    const depth = 30;
    const deep = `${'{"a":'.repeat(depth)}{"b":1,"b":2}${'}'.repeat(depth)}`;
    const wide = `{${Array.from({ length: 990 }, (_, i) => `"k${i}":0`).join()},"k7":1}`;
    const quoted = `{"name":"${'\\"'.repeat(120_000)}","name":1}`;
    for (const [body, pointer] of [
      [deep, `${'/a'.repeat(depth)}/b`],
      [wide, '/k7'],
      [quoted, '/name'],
    ] as const) {
      const { errors } = expectProblem(await post(body), 400, 'malformed_request');
      expect(errors![0].pointer).toBe(pointer);
    }
  });

  it('is found wherever it is, and nowhere else', () => {
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.string({ unit: 'binary' }),
        fc.constant(1),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(fc.string({ unit: fc.constantFrom(...'ab"\\{,😀\u0000') }), tie('tree'), {
          maxKeys: 4,
        }),
      ),
    }));
    return fc.assert(
      fc.asyncProperty(tree, fc.boolean(), async (value, repeated) => {
        const text = JSON.stringify({ metadata: 1, value });
        const body = repeated ? text.replace(/^\{/, '{"value":0,') : text;
        const problem = (await post(body)).json();
        expect(problem.status).toBe(repeated ? 400 : 422);
        if (repeated) expect(problem.errors).toMatchObject([{ pointer: '/value' }]);
      }),
      { numRuns: 200 },
    );
  });
});
