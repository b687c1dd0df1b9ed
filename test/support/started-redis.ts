import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { inject, onTestFinished } from 'vitest';
import { waitUntilRedisAnswers } from '../../src/start/redis-socket.ts';

/** Starts a Redis with these lines of configuration, for one test; without a `port` line it has only its socket. */
export async function startRedis(socket: string, ...settings: string[]): Promise<void> {
  const server = spawn(inject('redisBinary')!, ['-'], { stdio: ['pipe', 'ignore', 'inherit'] });
  server.stdin.end(['port 0', `unixsocket ${socket}`, 'save ""', ...settings].join('\n'));
  onTestFinished(async () => {
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  });
  await waitUntilRedisAnswers(socket, () => {});
}

/** A loopback port where nothing listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
