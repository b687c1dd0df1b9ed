import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/process/config.ts';
import { ConfigError } from '../../src/process/config-error.ts';
import { parseRedisUrl, RedisUrlError, socketUrl } from '../../src/process/redis-address.ts';

const CANARY = 'c4nary';

describe('parseRedisUrl', () => {
  it.each([
    ['redis://h', 'redis://h:6379', { host: 'h', port: 6379, db: 0 }],
    ['REDIS://h:1/', 'redis://h:1', { host: 'h', port: 1, db: 0 }],
    ['redis://h:1/3', 'redis://h:1/3', { host: 'h', port: 1, db: 3 }],
    ['redis://h?db=3&family=6', 'redis://h:6379/3', { host: 'h', port: 6379, db: 3, family: 6 }],
    ['redis://[::1]:1', 'redis://[::1]:1', { host: '::1', port: 1, db: 0 }],
    ['rediss://h', 'rediss://h:6379', { host: 'h', port: 6379, db: 0, tls: {} }],
    ['valkey://h', 'valkey://h:6379', { host: 'h', port: 6379, db: 0 }],
    ['valkeys://h', 'valkeys://h:6379', { host: 'h', port: 6379, db: 0, tls: {} }],
    ['redis://u:p@h', 'redis://h:6379', { host: 'h', port: 6379, db: 0, username: 'u', password: 'p' }],
    ['redis://:p%40%2F%3f@h', 'redis://h:6379', { host: 'h', port: 6379, db: 0, password: 'p@/?' }],
    ['redis://:a@b@h', 'redis://h:6379', { host: 'h', port: 6379, db: 0, password: 'a@b' }],
    [
      'redis://h?username=u&password=p%2B',
      'redis://h:6379',
      { host: 'h', port: 6379, db: 0, username: 'u', password: 'p+' },
    ],
    ['unix:/run/redis@1.sock', 'unix:/run/redis@1.sock', { path: '/run/redis@1.sock', db: 0 }],
    ['unix:///run/r.sock?db=2', 'unix:/run/r.sock?db=2', { path: '/run/r.sock', db: 2 }],
    ['unix://u:p@/r.sock', 'unix:/r.sock', { path: '/r.sock', db: 0, username: 'u', password: 'p' }],
    [socketUrl('/a b/50%/#?é/r'), 'unix:/a b/50%/#?é/r', { path: '/a b/50%/#?é/r', db: 0 }],
  ])('reads %s', (url, text, options) => {
    const address = parseRedisUrl(url);
    expect(address.connectionOptions()).toEqual(options);
    for (const shown of [`${address}`, JSON.parse(JSON.stringify(address)), inspect(address)]) {
      expect(shown).toBe(text);
    }
  });

  it.each([
    ['', 'percent-encoded'],
    [CANARY, 'percent-encoded'],
    [`h:6379`, 'begins with none of these'],
    [`http://u:${CANARY}@h`, 'begins with none of these'],
    [`valkey+tls://:${CANARY}@h`, 'begins with none of these'],
    [`redis:${CANARY}`, 'the host is missing'],
    [`redis:///${CANARY}`, 'the host is missing'],
    [`redis://:${CANARY}@`, 'percent-encoded'],
    [`redis://:${CANARY}/x@h`, 'percent-encoded'],
    [`redis://:${CANARY}?x@h`, 'percent-encoded'],
    [`redis://:${CANARY}#x@h`, 'percent-encoded'],
    [`redis://u:12/${CANARY}@h`, 'there is an @ after the host'],
    [`redis://u:12?${CANARY}@h`, 'there is an @ after the host'],
    [`redis://u:12?${CANARY}&b@h`, 'there is an @ after the host'],
    [`redis://u:12#${CANARY}@h`, 'there is an @ after the host'],
    [`redis://h#${CANARY}`, 'it contains a #'],
    [`redis://:${CANARY} x@h`, 'it contains a blank'],
    [`redis://:${CANARY}\n@h`, 'it contains a blank'],
    [`redis://:${CANARY}%zz@h`, 'write % as %25'],
    [`redis://:${CANARY}@h:99999`, 'percent-encoded'],
    [`redis://:${CANARY}@h:0`, 'the port must be'],
    [`redis://h/${CANARY}`, 'the database must be'],
    [`redis://h/-1?password=${CANARY}`, 'the database must be'],
    [`redis://h/1?db=2&password=${CANARY}`, 'it has the database twice'],
    [`redis://:${CANARY}@h?password=${CANARY}`, 'it has the password twice'],
    [`redis://h?password=${CANARY}&password=x`, 'the parameter password appears twice'],
    [`redis://h?password=`, 'the password is empty'],
    [`redis://h?auth=${CANARY}`, 'the parameter auth is not allowed, only db, family, password, username'],
    [`redis://h?enableOfflineQueue=${CANARY}`, 'the parameter enableOfflineQueue is not allowed'],
    [`redis://h?keyPrefix=x`, 'the parameter keyPrefix is not allowed'],
    [`redis://h?tls=true`, 'the parameter tls is not allowed'],
    [`redis://h?${CANARY}%20x=1`, 'a parameter is not allowed'],
    [`redis://h?family=${CANARY}`, 'family must be 4 or 6'],
    [`unix:${CANARY}.sock`, 'begins with none of these'],
    [`unix://${CANARY}/r.sock`, 'begins with none of these'],
    [`unix://u:${CANARY}/x@/r.sock`, 'percent-encoded'],
    [`unix:/r.sock?path=${CANARY}`, 'the parameter path is not allowed'],
  ])('refuses %s without quoting it', (url, message) => {
    let error: unknown;
    try {
      parseRedisUrl(url);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(RedisUrlError);
    expect((error as Error).message).toContain(message);
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain(CANARY);
    expect(() => loadConfig({ REDIS_URL: url === '' ? ' ' : url })).toThrow(
      /^Wrong settings:\n {2}REDIS_URL: expected redis:\/\//,
    );
  });
});

describe('REDIS_USERNAME and REDIS_PASSWORD', () => {
  const options = (env: Record<string, string>) => loadConfig(env).REDIS_URL?.connectionOptions();

  it.each([['redis://h', 'unix:/r.sock']])('apply to %s', (url) => {
    expect(options({ REDIS_URL: url, REDIS_USERNAME: 'u', REDIS_PASSWORD: 'p@/' })).toMatchObject({
      username: 'u',
      password: 'p@/',
    });
  });

  it('complete the login of the URL, and appear in no other setting', () => {
    const config = loadConfig({ REDIS_URL: 'redis://u@h', REDIS_PASSWORD: CANARY });
    expect(config.REDIS_URL?.connectionOptions()).toMatchObject({ username: 'u', password: CANARY });
    expect(inspect(config, { depth: null, showHidden: true }) + JSON.stringify(config)).not.toContain(CANARY);
  });

  it.each([
    [{ REDIS_PASSWORD: CANARY }, 'REDIS_PASSWORD: expected REDIS_URL to be set too'],
    [{ REDIS_USERNAME: CANARY }, 'REDIS_USERNAME: expected REDIS_URL to be set too'],
    [
      { REDIS_URL: 'redis://:x@h', REDIS_PASSWORD: CANARY },
      'REDIS_PASSWORD: expected no value, because REDIS_URL already has',
    ],
    [
      { REDIS_URL: 'redis://x:x@h', REDIS_USERNAME: CANARY },
      'REDIS_USERNAME: expected no value, because REDIS_URL already has',
    ],
    [{ REDIS_URL: `redis://${CANARY}@h` }, 'REDIS_PASSWORD: expected a password'],
    [{ REDIS_URL: `redis://${CANARY}:@h` }, 'REDIS_PASSWORD: expected a password'],
    [{ REDIS_URL: 'redis://h', REDIS_USERNAME: CANARY }, 'REDIS_PASSWORD: expected a password'],
  ])('are refused as in %j', (env, message) => {
    const load = () => loadConfig(env as Record<string, string>);
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(message);
    expect(load).not.toThrow(CANARY);
  });
});
