import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { parseRedisUrl } from '../../src/process/redis-address.ts';
import { checkRedis, checkRedisOnConnect, type RedisFinding } from '../../src/redis/checks.ts';
import { connectForRequests } from '../../src/redis/connections.ts';
import { waitUntilRedisAnswers } from '../../src/start/redis-socket.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

/** A real Redis with these settings; `restart` ends it and starts one with others in its place. */
async function startRedis(settings: readonly string[]) {
  const folder = await makeTemporaryFolder();
  const socket = join(folder, 'r.sock');
  const run = async (settings: readonly string[]) => {
    const server = spawn(inject('redisBinary')!, ['-'], {
      cwd: folder,
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    server.stdin.end(['port 0', `unixsocket ${socket}`, 'save ""', ...settings].join('\n'));
    await waitUntilRedisAnswers(socket, () => {});
    return server;
  };
  let server = await run(settings);
  const end = async () => {
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  };
  onTestFinished(end);
  const restart = async (settings: readonly string[]) => {
    await end();
    server = await run(settings);
  };
  return { url: `unix:${socket}`, restart };
}

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
  it('has nothing to say about a Redis that keeps everything', async () => {
    expect(await findingsWith(['appendonly yes', 'maxmemory-policy noeviction'])).toEqual([]);
  });

  it('warns of a missing append-only file, saying what can be lost', async () => {
    const [finding, ...others] = await findingsWith(['appendonly no']);
    expect(others).toEqual([]);
    expect(finding).toMatchObject({
      level: 'warn',
      message: expect.stringMatching(/every job.*is lost.*appendonly yes/),
    });
  });

  it.each(['allkeys-lru', 'volatile-ttl'])('refuses %s, naming the command that mends it', async (policy) => {
    const [finding, ...others] = await findingsWith(['appendonly yes', `maxmemory-policy ${policy}`]);
    expect(others).toEqual([]);
    expect(finding?.level).toBe('refuse');
    expect(finding?.message).toContain(policy);
    expect(finding?.message).toContain('redis-cli CONFIG SET maxmemory-policy noeviction');
  });

  it('says what it may not read', async () => {
    const findings = await findingsWith(['user default on nopass ~* &* +@all -info']);
    expect(findings).toEqual([
      {
        level: 'warn',
        message: expect.stringMatching(/does not let us read its version.*NOPERM|no permissions/i),
      },
    ]);
  });

  it('does not throw when Redis is away', async () => {
    const redis = connect('unix:/nowhere/redis.sock');
    expect(await checkRedis(redis)).toHaveLength(1);
  });
});

describe.skipIf(noRedis)('checkRedisOnConnect', () => {
  it('looks again at each connection, and says the same thing once', async () => {
    const { url, restart } = await startRedis(['appendonly no']);
    const redis = connect(url);
    const messages: string[] = [];
    const refused = new Promise<RedisFinding>((resolve) =>
      checkRedisOnConnect(redis, (finding) => {
        messages.push(finding.message);
        if (finding.level === 'refuse') resolve(finding);
      }),
    );
    await once(redis, 'ready');
    await restart(['appendonly no']);
    await once(redis, 'ready');
    await restart(['appendonly no', 'maxmemory-policy allkeys-lru']);
    expect((await refused).message).toContain('allkeys-lru');
    expect(messages.filter((message) => message.includes('append-only'))).toHaveLength(1);
  });
});
