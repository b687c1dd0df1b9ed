import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createRedisMock } from 'js-redis-server';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  export interface ProvidedContext {
    /** One Redis for all tests; each file uses its own key prefix. */
    redisUrl: string;
    /** The server program for tests that start their own; null without one on the PATH. */
    redisBinary: string | null;
  }
}

const NO_SERVER =
  'No redis-server or valkey-server on the PATH: the tests run on the Redis in JavaScript. Those that need one that ' +
  'keeps what it was given, or that kill one, are skipped.';

/** Starts the Redis that the tests share: a real one if installed, otherwise the one in JavaScript. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const binary = ['valkey-server', 'redis-server'].find(
    (name) => spawnSync(name, ['--version']).error === undefined,
  );
  project.provide('redisBinary', binary ?? null);
  if (binary === undefined) {
    const server = await createRedisMock();
    const [address] = server.addresses();
    project.provide('redisUrl', `redis://${address!.host}:${address!.port}`);
    console.log(NO_SERVER);
    return () => server.close();
  }
  const folder = mkdtempSync(join(tmpdir(), 'descent-tests-'));
  const socket = join(folder, 'redis.sock');
  const server = spawn(binary, ['--port', '0', '--unixsocket', socket, '--dir', folder, '--save', ''], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await ready(server);
  project.provide('redisUrl', `unix:${socket}`);
  return async () => {
    server.kill('SIGTERM');
    await new Promise((resolve) => server.once('close', resolve));
    rmSync(folder, { recursive: true, force: true });
  };
}

function ready(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    createInterface({ input: server.stdout! }).on('line', (line) => {
      if (/ready to accept connections/i.test(line)) resolve();
    });
    server.once('error', reject);
    server.once('close', (code) => reject(new Error(`the tests' Redis ended with ${code}`)));
  });
}
