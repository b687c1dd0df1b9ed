import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { expectProblem, openApi } from './open-api.ts';

const LOOPBACK = [
  ...['localhost', 'localhost:3000', 'LOCALHOST', 'localhost.', 'localhost.:80', 'localhost:'],
  ...['127.0.0.1:80', '127.0.0.2', '127.255.255.254:1', '[::1]:3000', '[0:0:0:0:0:0:0:1]', '[::0001]:80'],
  ...['[::ffff:127.0.0.1]', '[::FFFF:7f00:1]:3000'],
];

/** Names that a third party may point at this server, and text that is not a host. */
const FOREIGN_NAMES = [
  ...['evil.example', 'evil.example:3000', 'localhost.evil.example', '127.0.0.1.nip.io', 'evil-localhost'],
  ...['localhost@evil.example', 'evil.example/localhost', 'evil.example#localhost', 'evil.example:3000:3000'],
  ...['evilservice.example', 'service.example.evil.example', 'service.example', 'localhost evil.example'],
  ...[
    'evil.example,localhost',
    '[::1].evil.example',
    '127.0.0.1.evil.example',
    '*',
    '*.service.example',
    '0',
  ],
  ...['%6cocalhost.evil.example', '1::', 'a..service.evil.example', 'x_y.z'],
];

const FOREIGN_ADDRESSES = ['10.0.0.1', '[::2]', '[fe80::1]:3000', '0.0.0.0', '[::]', '[::ffff:10.0.0.1]'];

const OPERATIONAL = ['/livez', '/readyz?exclude=workers', '/metrics'];

const api = openApi();
const allowing = openApi({
  allowedHosts: [
    'Descent.example',
    'other.example:8080',
    'http://url.example/x',
    '*.service.example',
    'fe80::1',
  ],
});
const everywhere = openApi({ allowedHosts: ['0.0.0.0'] });
const everywhere6 = openApi({ allowedHosts: ['::'] });

const statusOf = async (target: typeof api, url: string, host: string) =>
  (await target.request({ url, headers: { host } })).statusCode;

describe('the Host header', () => {
  it.each(LOOPBACK)('%s is served', async (host) => {
    expect(await statusOf(api, '/datasets', host)).toBe(200);
  });

  it.each([...FOREIGN_NAMES, ...FOREIGN_ADDRESSES])('%s is not served', async (host) => {
    for (const url of ['/jobs', '/docs', '/docs/json', '/openapi.json', '/', '/nowhere', '/livezz']) {
      const response = await api.request({ url, headers: { host } });
      const { detail } = expectProblem(response, 421, 'misdirected_request');
      expect(detail).toContain(JSON.stringify(host));
      expect(detail).toContain('ALLOWED_HOSTS');
    }
  });

  it.each(FOREIGN_NAMES)('%s is not served, even if we listen on every address', async (host) => {
    for (const target of [allowing, everywhere, everywhere6]) {
      if (target === allowing && host === '*.service.example') continue;
      if (target !== allowing && (host === '0' || host === '1::')) continue;
      expectProblem(await target.request({ url: '/jobs', headers: { host } }), 421, 'misdirected_request');
    }
  });

  it.each([
    ...['descent.example', 'DESCENT.EXAMPLE.:1', 'other.example:1', 'other.example', 'url.example'],
    ...['a.service.example', 'a.b.Service.Example:80', '[FE80:0::1]', '[fe80::1%25eth0]:3000'],
  ])('%s is served if the operator allows it', async (host) => {
    expect(await statusOf(allowing, '/datasets', host)).toBe(200);
  });

  it.each([...FOREIGN_ADDRESSES, '192.168.1.5:3000', '[2001:db8::1]'])(
    '%s is served if we listen on every address',
    async (host) => {
      expect(await statusOf(everywhere, '/datasets', host)).toBe(200);
      expect(await statusOf(everywhere6, '/datasets', host)).toBe(200);
    },
  );

  it.each(OPERATIONAL)('may have any value for %s', async (url) => {
    for (const host of [...FOREIGN_NAMES, ...FOREIGN_ADDRESSES, '', ' ', 'descent-api:3000', '(~)']) {
      expect(await statusOf(api, url, host), host).toBe(200);
    }
  });

  it.each([...OPERATIONAL, '/jobs'])('may be missing only for probes and scrapers (%s)', async (path) => {
    const [status, body] = await new Promise<[number, string]>((resolve, reject) => {
      const { hostname, port } = new URL(api.url);
      const socket = connect(Number(port), hostname, () =>
        socket.write(`GET ${path} HTTP/1.1\r\nConnection: close\r\n\r\n`),
      );
      let answer = '';
      socket.setEncoding('utf8').on('data', (chunk) => {
        answer += chunk;
      });
      socket.on('close', () => resolve([Number(answer.split(' ')[1]), answer.split('\r\n\r\n')[1] ?? '']));
      socket.on('error', reject);
    });
    expect(status).toBe(path === '/jobs' ? 400 : 200);
    if (path === '/jobs') expect(JSON.parse(body).code).toBe('malformed_request');
  });
});
