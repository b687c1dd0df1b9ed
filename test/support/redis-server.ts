import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { inject, onTestFinished } from 'vitest';
import { waitUntilRedisAnswers } from '../../src/start/redis-socket.ts';
import { makeTemporaryFolder } from './temporary-folder.ts';

export interface RedisServer {
  /** URL of its socket, as the default user. */
  readonly url: string;
  /** URL of the same server over TCP, where a user can log in. */
  urlAs(user: string, password: string): string;
  /** A connection of the default user. */
  admin(): Redis;
  /** Stops it and starts one with other settings in its place. */
  restart(settings: readonly string[]): Promise<void>;
}

/** A real Redis with these settings, gone after the test. */
export async function startRedis(settings: readonly string[]): Promise<RedisServer> {
  const folder = await makeTemporaryFolder();
  const socket = join(folder, 'r.sock');
  const port = await freePort();
  const run = async (settings: readonly string[]) => {
    const server = spawn(inject('redisBinary')!, ['-'], {
      cwd: folder,
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    const place = [`port ${port}`, 'bind 127.0.0.1', `unixsocket ${socket}`, 'save ""'];
    server.stdin.end([...place, ...settings].join('\n'));
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
  return {
    url: `unix:${socket}`,
    urlAs: (user, password) => `redis://${user}:${password}@127.0.0.1:${port}`,
    admin: () => {
      const redis = new Redis({ path: socket });
      redis.on('error', () => {});
      onTestFinished(() => redis.disconnect());
      return redis;
    },
    restart: async (settings) => {
      await end();
      server = await run(settings);
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
