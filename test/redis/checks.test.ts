import { once } from 'node:events';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { parseRedisUrl } from '../../src/process/redis-address.ts';
import { checkRedis, type RedisFinding } from '../../src/redis/checks.ts';
import { connectForRequests } from '../../src/redis/connections.ts';
import { startRedis } from '../support/redis-server.ts';

function connect(url: string) {
  const redis = connectForRequests(parseRedisUrl(url), () => {});
  onTestFinished(() => redis.disconnect());
  return redis;
}

async function findingsWith(settings: readonly string[]): Promise<RedisFinding[]> {
  const { url } = await startRedis(settings);
  const redis = connect(url);
  await once(redis, 'ready');
  return checkRedis(redis);
}

const noRedis = inject('redisBinary') === null;

describe.skipIf(noRedis)('checkRedis', () => {
  it('finds nothing about a Redis that keeps everything', async () => {
    expect(await findingsWith(['appendonly yes', 'maxmemory-policy noeviction'])).toEqual([]);
  });

  it('warns of a missing append-only file, with what can be lost', async () => {
    const [finding, ...others] = await findingsWith(['appendonly no']);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      level: 'warn',
      message: expect.stringMatching(/every job.*is lost.*appendonly yes/),
    });
  });

  it.each(['allkeys-lru', 'volatile-ttl'])(
    'refuses %s, and names the command that fixes it',
    async (policy) => {
      const [finding, ...others] = await findingsWith(['appendonly yes', `maxmemory-policy ${policy}`]);
      expect(others).toEqual([]);
      expect(finding?.level).toBe('refuse');
      expect(finding?.message).toContain(policy);
      expect(finding?.message).toContain('redis-cli CONFIG SET maxmemory-policy noeviction');
    },
  );

  it('reports what it may not read', async () => {
    const findings = await findingsWith(['user default on nopass ~* &* +@all -info']);
    expect(findings).toEqual([
      {
        level: 'warn',
        message: expect.stringMatching(/does not let us read its version.*NOPERM|no permissions/i),
      },
    ]);
  });

  it('throws when Redis is away', async () => {
    await expect(checkRedis(connect('unix:/nowhere/redis.sock'))).rejects.toThrow();
  });
});
