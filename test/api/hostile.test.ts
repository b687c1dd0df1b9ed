import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openApi } from './open-api.ts';

/** Requests of an attacker: each is refused, nothing changes, and no response tells about the machine. */

const api = openApi();
const JSON_TYPE = { 'content-type': 'application/json' };
const INSIDE =
  /\/(?:tmp|home|root|work|usr|etc|proc|var)\/|node_modules|\.(?:ts|js|lua):\d|\bat \w+ \(|"token"|root:x/;

const RESERVED = [
  ...['id', 'object', 'status', 'owner', 'revision', 'created_at', 'started_at', 'finished_at', 'attempts'],
  ...['attempt', 'token', 'queue_position', 'delivery', 'delivery_id', 'lease', 'worker', 'progress'],
  ...[
    'error',
    'result',
    'links',
    'version',
    'parameters',
    'data',
    'data_shape',
    'checkpoint',
    'artifacts',
    'path',
  ],
  ...[
    'file',
    'data_dir',
    'key',
    'key_prefix',
    'role',
    'admin',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
  ],
  ...['__defineGetter__', 'then', 'toJSON', '$ref', '$where', 'constructor.prototype'],
];

const jobs = async (): Promise<number> => (await api.request({ url: '/jobs?limit=100' })).json().data.length;

const send = async (payload: string | Buffer, headers: Record<string, string> = JSON_TYPE) => {
  const response = await api.request({ method: 'POST', url: '/jobs', headers, payload });
  expect(response.body).not.toMatch(INSIDE);
  return response.statusCode;
};

describe('a property that is not the client’s to set', () => {
  it.each(RESERVED)('%s is refused wherever it stands, and changes nothing', async (name) => {
    for (const value of ['1', '{"prototype":{"admin":true}}', 'null']) {
      const member = `${JSON.stringify(name)}:${value}`;
      for (const body of [
        `{${member}}`,
        `{"model":{${member}}}`,
        `{"optimizer":{"type":"adam",${member}}}`,
        `{"training":{${member}}}`,
        `{"limits":{${member}}}`,
      ]) {
        expect(await send(body), body).toBe(422);
      }
    }
    expect(await jobs()).toBe(0);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });

  it.each(['{"__proto__":{"admin":true}}', '{"model":{"__proto__":1}}', '{"\\u005f_proto__":{}}'])(
    '%s is refused',
    async (body) => {
      expect(await send(body)).toBe(400);
      expect(await jobs()).toBe(0);
    },
  );
});

describe('a bomb', () => {
  it.each([
    ['epochs', '{"training":{"epochs":1000000000}}', 422],
    ['an epoch count beyond every number', `{"training":{"epochs":1${'0'.repeat(400)}}}`, 422],
    ['a digit bomb', `{"training":{"seed":${'9'.repeat(200_000)}}}`, 422],
    ['batch size', '{"training":{"batch_size":4294967296}}', 422],
    ['width', '{"model":{"hidden_units":[2147483648]}}', 422],
    ['parameters', '{"model":{"hidden_units":[4096,4096,4096]}}', 422],
    ['layers', `{"model":{"hidden_units":[${'1,'.repeat(100_000)}1]}}`, 422],
    ['few more layers', '{"model":{"hidden_units":[1,1,1,1,1,1,1,1,1]}}', 422],
    ['a depth of 100,000', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 422],
    ['an unclosed depth', '{"a":'.repeat(50_000), 422],
    ['keys', `{${Array.from({ length: 18_000 }, (_, i) => `"${i}":""`)}}`, 422],
    ['a name', `{"name":"${'x'.repeat(250_000)}"}`, 422],
    ['a body', `{"name":"${'x'.repeat(1_000_000)}"}`, 413],
    ['backslashes', `{"name":"${'\\u0000'.repeat(40_000)}"}`, 422],
    ['wall time', '{"limits":{"max_seconds":1e308}}', 422],
  ])('of %s is refused', async (_name, body, status) => {
    expect(await send(body)).toBe(status);
    expect(await jobs()).toBe(0);
  });

  it('of gzip is refused before it is unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000, '0'));
    for (const encoding of ['gzip', 'GZIP', 'deflate', 'br', 'gzip, gzip', 'x-gzip']) {
      expect(await send(bomb, { ...JSON_TYPE, 'content-encoding': encoding })).toBe(415);
    }
    expect(await send(bomb)).toBe(400);
  });
});

/** Ways out of a folder, each once as sent and once encoded. */
const CLIMBS = [
  ...[
    '..',
    '../..',
    '../../../../etc/passwd',
    '..\\..\\etc\\passwd',
    '....//....//etc/passwd',
    '/etc/passwd',
  ],
  ...[
    '//etc/passwd',
    'file:///etc/passwd',
    '..%2f..%2fetc%2fpasswd',
    '..%252f..%252fetc%252fpasswd',
    '..%5c..%5c',
  ],
  ...[
    '%2e%2e/%2e%2e/etc/passwd',
    '.%2e/',
    '..%c0%af..%c0%afetc',
    '..%e0%80%af',
    '%00',
    'job_%00',
    '..%00/',
    '..;/',
  ],
  ...[
    '~root',
    'C:\\Windows',
    '\\\\host\\share',
    '/proc/self/environ',
    '%2fproc%2fself%2ffd%2f0',
    '.git/config',
    '.env',
  ],
];

describe('a path that leads out of its folder', () => {
  const SUFFIXES = ['', '/metrics', '/events', '/evaluation', '/charts/loss.svg'];

  it.each(CLIMBS)('%s reaches nothing', async (climb) => {
    for (const form of [climb, encodeURIComponent(climb)]) {
      for (const base of ['/jobs/', '/docs/static/']) {
        for (const suffix of base === '/jobs/' ? SUFFIXES : ['']) {
          const response = await api.app.inject({
            // Not a URL object: it would resolve the dots.
            url: `${base}${form}${suffix}`,
            headers: { host: 'localhost' },
          });
          expect([200, 302, 400, 404], `${base}${form}${suffix}`).toContain(response.statusCode);
          expect(response.body).not.toMatch(/root:x|PATH=|"descent"\s*,\s*"version"/);
          if (response.statusCode >= 400) expect(response.body).not.toMatch(INSIDE);
        }
      }
    }
    for (const method of ['DELETE', 'POST'] as const) {
      const url = `/jobs/${encodeURIComponent(climb)}${method === 'POST' ? '/cancel' : ''}`;
      // Clients resolve dots, so some of these are other paths.
      expect([400, 404, 405]).toContain((await api.request({ method, url })).statusCode);
    }
  });
});
