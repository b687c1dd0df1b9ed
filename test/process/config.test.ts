import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { parseEnv } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ConfigSchema, listSettings, loadConfig } from '../../src/process/config.ts';
import { ConfigError } from '../../src/process/config-error.ts';

const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');

describe('.env.example', () => {
  it('lists exactly the existing settings', () => {
    expect(Object.keys(parseEnv(example)).sort()).toEqual(Object.keys(ConfigSchema.shape).sort());
  });

  it('gives each its default', () => {
    expect(loadConfig(parseEnv(example) as Record<string, string>)).toEqual(loadConfig({}));
  });

  it('explains each in the words of --help', () => {
    for (const { name, description } of listSettings()) {
      expect(description, name).not.toBe('');
      expect(example).toMatch(new RegExp(`# ${escaped(description)}\n(# .*\n)*${name}=`));
    }
  });
});

describe('loadConfig', () => {
  it('has a default for everything', () => {
    expect(loadConfig({})).toEqual({
      HOST: '127.0.0.1',
      PORT: 3000,
      WEBHOOK_ALLOW_PRIVATE: '0',
      ALLOWED_HOSTS: [],
      CORS_ORIGINS: [],
      BASE_PATH: '',
      KEY_PREFIX: 'descent',
      DATA_DIR: './data',
      WORKER_CONCURRENCY: availableParallelism(),
      LEASE_MS: 15_000,
      LOG_LEVEL: 'info',
      MAX_CONNECTIONS: 10_000,
      MAX_QUEUED_JOBS: 10_000,
      MAX_STREAMS: 500,
      MAX_DATASET_MB: 512,
      DATASETS_GB: 20,
      RETENTION_DAYS: 30,
      RETENTION_JOBS: 10_000,
      RETENTION_GB: 20,
      RETENTION_REDIS_PERCENT: 60,
    });
  });

  it('treats an empty value as not set, and ignores other variables', () => {
    expect(loadConfig({ PORT: '', REDIS_URL: '', PATH: '/bin', AUTH: undefined })).toEqual(loadConfig({}));
  });

  it('reads the settings', () => {
    const config = loadConfig({
      HOST: '0.0.0.0',
      AUTH: 'none',
      PORT: '0',
      ALLOWED_HOSTS: ' Descent.example.org, gpu-box,[fe80::1],',
      REDIS_URL: 'unix:/run/redis.sock',
      RETENTION_GB: '0.5',
    });
    expect(config).toMatchObject({
      PORT: 0,
      ALLOWED_HOSTS: ['descent.example.org', 'gpu-box', '[fe80::1]'],
      RETENTION_GB: 0.5,
    });
    expect(`${config.REDIS_URL}`).toBe('unix:/run/redis.sock');
  });

  it.each([
    ['HOST', 'my host', 'an address of this machine'],
    ['PORT', '65536', 'a whole number from 0 to 65535'],
    ['PORT', '-1', 'a whole number from 0 to 65535'],
    ['PORT', '80.5', 'a whole number from 0 to 65535'],
    ['PORT', '0x50', 'a whole number from 0 to 65535'],
    ['PORT', ' ', 'a whole number from 0 to 65535'],
    ['AUTH', 'basic', 'keys (requests need an API key) or none (anyone'],
    ['PUBLIC_URL', 'descent.example.org', 'a URL such as https://descent.example.org'],
    ['PUBLIC_URL', 'https://a.example/x?y', 'a URL such as https://descent.example.org'],
    ['PUBLIC_URL', 'https://a.example/jobs', 'a URL such as https://descent.example.org'],
    ['CORS_ORIGINS', 'https://a.example/path', '"https://a.example/path" is not one of these'],
    ['CORS_ORIGINS', 'null', '"null" is not one of these'],
    ['CORS_ORIGINS', '*', 'without AUTH=keys'],
    ['HOST', '127.0.0.1:3000', 'without a port'],
    ['HOST', '[::1]:3000', 'without a port'],
    ['HOST', 'http://localhost', 'an address of this machine'],
    ['ALLOWED_HOSTS', '*', '"*" would let any web page use the API'],
    ['ALLOWED_HOSTS', 'a.example, b c@d', 'such as descent.example.org, *.example.org'],
    ['ALLOWED_HOSTS', 'a.*.example', '"a.*.example" is not one of these'],
    ['ALLOWED_HOSTS', '*.127.0.0.1', '"*.127.0.0.1" is not one of these'],
    ['BASE_PATH', 'https://example.org/descent', 'a path such as /descent'],
    ['KEY_PREFIX', 'a:b', '1 to 64 letters, digits, - or _'],
    ['WORKER_CONCURRENCY', '0', 'a whole number from 1 to 256'],
    ['LEASE_MS', '999', 'a whole number from 1000 to 600000'],
    ['LOG_LEVEL', 'loud', 'one of fatal, error, warn, info, debug, trace, silent'],
    ['MAX_QUEUED_JOBS', '1e3', 'a whole number from 1 to 1000000'],
    ['RETENTION_DAYS', 'for ever', 'a whole number from 1 to 36500'],
    ['RETENTION_JOBS', '0', 'a whole number from 1 to 1000000'],
    ['RETENTION_GB', '0', 'a number above 0, up to 100000'],
    ['RETENTION_GB', 'Infinity', 'a number above 0, up to 100000'],
  ])('refuses %s=%s, naming it and what was expected', (name, value, expected) => {
    const load = () => loadConfig({ [name]: value });
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(`${name}=${value}: expected `);
    expect(load).toThrow(expected);
  });

  it('names all wrong settings at once', () => {
    expect(() => loadConfig({ PORT: 'x', LEASE_MS: 'y' })).toThrow(/PORT=x.*\n.*LEASE_MS=y/);
  });

  it.each(['0.0.0.0', '::', '192.168.1.5', 'gpu-box'])('refuses HOST=%s unless AUTH is set', (host) => {
    expect(() => loadConfig({ HOST: host })).toThrow(
      /AUTH: expected keys or none.*anyone who can reach HOST/,
    );
    expect(loadConfig({ HOST: host, AUTH: 'none' }).HOST).toBe(host);
    expect(loadConfig({ HOST: host, AUTH: 'keys' }).HOST).toBe(host);
  });

  it('takes BASE_PATH from PUBLIC_URL, and refuses another', () => {
    const PUBLIC_URL = 'https://a.example/descent/';
    expect(loadConfig({ PUBLIC_URL })).toMatchObject({ BASE_PATH: '/descent' });
    expect(loadConfig({ PUBLIC_URL, BASE_PATH: 'descent' })).toMatchObject({ BASE_PATH: '/descent' });
    expect(() => loadConfig({ PUBLIC_URL, BASE_PATH: '/other' })).toThrow(
      /BASE_PATH.*has the path \/descent/,
    );
    expect(loadConfig({ CORS_ORIGINS: 'https://B.example, http://c:5173' }).CORS_ORIGINS).toEqual([
      'https://b.example',
      'http://c:5173',
    ]);
  });

  it('does not print METRICS_TOKEN', () => {
    expect(() => loadConfig({ METRICS_TOKEN: 'c4nary' })).toThrow(/METRICS_TOKEN: expected 16 to 200/);
  });

  it.each([
    '',
    'whsec_',
    'c4nary',
    `whsec_${Buffer.alloc(23).toString('base64')}`,
    `whsec_${Buffer.alloc(65).toString('base64')}`,
    `whsec_${Buffer.alloc(32).toString('base64').replace('=', '')}`,
    `whsec_${Buffer.alloc(32, 255).toString('base64url')}=`,
    ` whsec_${Buffer.alloc(32).toString('base64')}`,
  ])('refuses WEBHOOK_SECRET=%j, and does not print it', (secret) => {
    expect(() => loadConfig({ WEBHOOK_SECRET: secret, WEBHOOK_URL: 'https://c4nary.example' })).toThrow(
      /^Wrong settings:\n {2}WEBHOOK_SECRET: expected whsec_ and 24 to 64 (random )?bytes in base64/,
    );
  });

  it('takes a WEBHOOK_SECRET, and does not print a wrong WEBHOOK_URL', () => {
    const WEBHOOK_SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
    expect(loadConfig({ WEBHOOK_SECRET })).toMatchObject({ WEBHOOK_SECRET });
    for (const WEBHOOK_URL of ['ftp://c4nary.example', 'https://c4nary@example.org', 'c4nary']) {
      expect(() => loadConfig({ WEBHOOK_SECRET, WEBHOOK_URL })).toThrow(/WEBHOOK_URL: expected an http/);
    }
  });

  it('accepts hosts in every form that people write', () => {
    const written = [
      'EXAMPLE.org',
      'a.example:3000 https://b.example/descent/',
      'http://with-hyphen.example:80;c.example.',
      'fe80::1, [FE80::2]:80,0:0:0:0:0:0:0:1,[fe80::3%eth0]',
      '10.0.0.1:3000,::ffff:10.0.0.2,my_service,bücher.example',
      '*.Example.org.,https://*.example.net:8080',
    ].join(',');
    expect(loadConfig({ ALLOWED_HOSTS: written }).ALLOWED_HOSTS).toEqual([
      ...['example.org', 'a.example', 'b.example', 'with-hyphen.example', 'c.example'],
      ...['[fe80::1]', '[fe80::2]', '[::1]', '[fe80::3]'],
      ...['10.0.0.1', '10.0.0.2', 'my_service', 'xn--bcher-kva.example'],
      ...['*.example.org', '*.example.net'],
    ]);
  });

  it.each(['//evil.example', '/a//b', '/a/..', '/../a', '/a/./b', '/a?b', '/a#b', '/a b', '/%61', '/a//'])(
    'refuses BASE_PATH=%s',
    (path) => {
      expect(() => loadConfig({ BASE_PATH: path })).toThrow(
        `BASE_PATH=${path}: expected a path such as /descent`,
      );
    },
  );

  it.each([
    ['/', ''],
    ['descent', '/descent'],
    ['/descent/', '/descent'],
    [' /lab/Descent_2.0~x/ ', '/lab/Descent_2.0~x'],
    ['/...', '/...'],
    ['/jobsite', '/jobsite'],
  ])('takes BASE_PATH=%j as %j', (given, path) => {
    expect(loadConfig({ BASE_PATH: given }).BASE_PATH).toBe(path);
  });

  const { paths } = JSON.parse(readFileSync('openapi/openapi.json', 'utf8')) as { paths: object };
  it.each(['/docs', '/jobs/x/', ...Object.keys(paths).filter((path) => path !== '/')])(
    "refuses BASE_PATH=%s, which begins like one of the API's own paths",
    (path) => {
      const plain = path.replaceAll(/[{}]/g, '');
      expect(() => loadConfig({ BASE_PATH: plain })).toThrow(/does not begin like one of the API's own/);
    },
  );

  it('removes the brackets from HOST', () => {
    expect(loadConfig({ HOST: '[::1]' }).HOST).toBe('::1');
  });

  it.each([
    ...['localhost', '127.0.0.1', '127.0.0.53', '::1', '0:0:0:0:0:0:0:1', '::ffff:127.0.0.1'],
    ...['LOCALHOST', 'localhost.'],
  ])('takes HOST=%s without AUTH', (host) => {
    expect(loadConfig({ HOST: host }).AUTH).toBeUndefined();
  });
});

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
