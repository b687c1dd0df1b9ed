import { once } from 'node:events';
import { rmdir } from 'node:fs/promises';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { parseRedisUrl } from '../../src/process/redis-address.ts';
import type { RedisFinding } from '../../src/redis/checks.ts';
import { connectForRequests, type Redis } from '../../src/redis/connections.ts';
import { RedisHealth } from '../../src/redis/health.ts';
import { commandsOf, grantLine, type Role } from '../../src/redis/rights.ts';
import { RightsCheck } from '../../src/redis/rights-check.ts';
import { grant } from '../support/acl.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const ROOT = '{p}:';
const SETTINGS = ['appendonly yes', 'maxmemory-policy noeviction'];

async function connect(url: string): Promise<Redis> {
  const redis = connectForRequests(parseRedisUrl(url), () => {});
  onTestFinished(() => redis.disconnect());
  await once(redis, 'ready');
  return redis;
}

/** A server with the user that the documented line creates. */
async function startWithUser(roles?: readonly Role[]): Promise<{ server: RedisServer; admin: Redis }> {
  const server = await startRedis(SETTINGS);
  const admin = server.admin();
  await grant(admin, ROOT, 'u', roles);
  return { server, admin };
}

/** What a process that starts now reports, until its first check is done or it is refused. */
async function firstReport(url: string, role: Role = 'api'): Promise<RedisFinding[]> {
  const redis = connectForRequests(parseRedisUrl(url), () => {});
  const health = new RedisHealth(redis, ROOT, role);
  onTestFinished(() => {
    health.close();
    redis.disconnect();
  });
  const found: RedisFinding[] = [];
  await new Promise<void>((resolve) => {
    health.watch((finding) => {
      found.push(finding);
      resolve();
    });
    void health.firstLook.then(resolve);
  });
  return found;
}

describe.skipIf(inject('redisBinary') === null)('what Redis refuses us', { timeout: 60_000 }, () => {
  it.each(['api', 'worker'] as const)('is nothing for the documented user of the %s', async (role) => {
    const { server, admin } = await startWithUser([role]);
    expect(await firstReport(server.urlAs('u', 'secret'), role)).toEqual([]);
    expect(await admin.call('ACL', 'LOG')).toEqual([]);
    expect(await admin.dbsize()).toBe(0);
  });

  it.each(['api', 'worker'] as const)('is named, for each command of the %s in turn', async (role) => {
    const { server, admin } = await startWithUser();
    const check = new RightsCheck(await connect(server.urlAs('u', 'secret')), ROOT, role);
    onTestFinished(() => check.close());
    for (const command of commandsOf(role)) {
      await admin.call('ACL', 'SETUSER', 'u', `-${command}`);
      expect(await check.look(), command).toEqual({ rights: [command.toUpperCase()], others: [] });
      await admin.call('ACL', 'SETUSER', 'u', `+${command}`);
      expect(await check.look(), command).toEqual({ rights: [], others: [] });
    }
    expect(await admin.dbsize()).toBe(0);
  });

  it.each<[string, string[], string[]]>([
    ['the keys', ['resetkeys'], ['~{p}:*']],
    ['some of the keys', ['resetkeys', '~{p}:bull:*'], ['~{p}:*']],
    ['keys of another prefix', ['resetkeys', '~{other}:*'], ['~{p}:*']],
    ['the channels', ['resetchannels'], ['&{p}:*']],
    ['a category', ['-@blocking', '-@pubsub'], ['BZPOPMIN', 'PUBLISH', 'SUBSCRIBE']],
    ['several', ['-info', '-zadd', 'resetchannels'], ['INFO', 'ZADD', '&{p}:*']],
  ])('is named when a user lacks %s', async (_what, rules, missing) => {
    const { server, admin } = await startWithUser();
    await admin.call('ACL', 'SETUSER', 'u', ...rules);
    const [finding, ...others] = await firstReport(server.urlAs('u', 'secret'), 'worker');
    expect(others.filter(({ level }) => level === 'refuse')).toEqual([]);
    expect(finding).toMatchObject({ level: 'refuse' });
    expect(finding!.message).toContain(`its user u all that Descent needs. Missing: ${missing.join(', ')}.`);
    expect(finding!.message).toContain(grantLine(ROOT, 'u'));
    expect(finding!.message).not.toContain('secret');
  });

  it('prevents a start: a renamed command', async () => {
    const { url } = await startRedis([...SETTINGS, 'rename-command HGETALL ""']);
    const [finding] = await firstReport(url);
    expect(finding).toMatchObject({ level: 'refuse', message: expect.stringContaining('Missing: HGETALL.') });
  });

  it('prevents a start: a missing password', async () => {
    const server = await startRedis(SETTINGS);
    await server.admin().config('SET', 'requirepass', 'secret');
    const [finding] = await firstReport(server.url);
    expect(finding).toMatchObject({
      level: 'refuse',
      message: expect.stringContaining('asks for a password'),
    });
  });

  it.each<[string, string[], string]>([
    ['a wrong password', [], 'wrong'],
    ['a user that is switched off', ['off'], 'secret'],
  ])('is a refusal to start: %s', async (_what, rules, password) => {
    const { server, admin } = await startWithUser();
    await admin.call('ACL', 'SETUSER', 'u', ...rules);
    const [finding] = await firstReport(server.urlAs('u', password));
    expect(finding!.level).toBe('refuse');
    expect(finding!.message).toMatch(
      /refuses the user or the password of REDIS_URL, or that user is switched off/,
    );
    expect(finding!.message).not.toContain(password);
  });

  it('prevents a start: a read-only replica', async () => {
    const primary = await startRedis(SETTINGS);
    const replica = await startRedis(SETTINGS);
    await replica.admin().replicaof('127.0.0.1', primary.port);
    await expect.poll(() => replica.admin().info('replication')).toContain('master_link_status:up');
    const [finding] = await firstReport(replica.url);
    expect(finding).toMatchObject({ level: 'refuse', message: expect.stringMatching(/read-only replica/) });
  });

  it('prevents a start: a cluster whose other servers hold the keys', async () => {
    const { url } = await startRedis([
      ...SETTINGS,
      'cluster-enabled yes',
      'cluster-require-full-coverage no',
    ]);
    const found = await firstReport(url);
    expect(found.map(({ message }) => message).join('\n')).toMatch(/cluster/i);
  });

  it('may pass: a full Redis, a disk that fails', async () => {
    const disk = await makeTemporaryFolder();
    const server = await startRedis(['maxmemory-policy noeviction', `dir ${disk}`]);
    const admin = server.admin();
    const redis = await connect(server.url);
    const look = async (): Promise<string[]> => {
      const health = new RedisHealth(redis, ROOT, 'api');
      onTestFinished(() => health.close());
      return (await health.troubles()).map(({ message }) => message);
    };
    expect(await look()).toEqual([]);
    await admin.config('SET', 'maxmemory', '1');
    expect(await look()).toEqual([expect.stringMatching(/Redis is full/)]);
    await admin.config('SET', 'maxmemory', '0');
    expect(await look()).toEqual([]);
    // A missing folder fails for root too.
    await rmdir(disk);
    await admin.config('SET', 'save', '1000000 1000000');
    await admin.bgsave();
    await expect.poll(() => admin.info('persistence')).toContain('rdb_last_bgsave_status:err');
    expect(await look()).toEqual([expect.stringMatching(/cannot save to its disk/)]);
  });

  it('does not end a process that has started, is reported once, and can be healed', async () => {
    const { server, admin } = await startWithUser();
    const redis = await connect(server.urlAs('u', 'secret'));
    const health = new RedisHealth(redis, ROOT, 'api');
    onTestFinished(() => health.close());
    const found: RedisFinding[] = [];
    health.watch((finding) => found.push(finding));
    await health.firstLook;
    await admin.call('ACL', 'SETUSER', 'u', '-zadd');
    await expect.poll(() => health.troubles(), { timeout: 10_000 }).toHaveLength(1);
    await expect.poll(() => found).toHaveLength(1);
    expect(found[0]).toMatchObject({ level: 'warn', message: expect.stringContaining('Missing: ZADD.') });
    await admin.call('ACL', 'SETUSER', 'u', '+zadd');
    await expect.poll(() => health.troubles(), { timeout: 10_000 }).toEqual([]);
    expect(found).toHaveLength(1);
  });

  it('is checked again at each connection', async () => {
    const server = await startRedis(['appendonly no']);
    const redis = await connect(server.url);
    const health = new RedisHealth(redis, ROOT, 'api');
    onTestFinished(() => health.close());
    const messages: string[] = [];
    const refused = new Promise<RedisFinding>((resolve) =>
      health.watch((finding) => {
        messages.push(finding.message);
        if (finding.level === 'refuse') resolve(finding);
      }),
    );
    await health.firstLook;
    await server.restart(['appendonly no']);
    await once(redis, 'ready');
    await server.restart(['appendonly no', 'maxmemory-policy allkeys-lru']);
    expect((await refused).message).toContain('allkeys-lru');
    expect(messages.filter((message) => message.includes('append-only'))).toHaveLength(1);
  });
});
