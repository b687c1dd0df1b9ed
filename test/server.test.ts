import { connect } from 'node:net';
import { fileURLToPath } from 'node:url';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { RedisServer, startRedis } from './support/redis-server.ts';
import { StartedProgram } from './support/started-program.ts';
import { makeTemporaryFolder } from './support/temporary-folder.ts';

/** The built API process on its own, as docker-compose.yml runs it. */

const SERVER = fileURLToPath(new URL('../dist/src/server.js', import.meta.url));
const LISTENING = /"Server listening at (http:\S+)"/;

async function startServer(env: NodeJS.ProcessEnv, descriptors?: number) {
  const cwd = await makeTemporaryFolder();
  const program = new StartedProgram(SERVER, [], {
    cwd,
    env: { PATH: process.env.PATH, PORT: '0', ...env },
    ...(descriptors !== undefined && { descriptors }),
  });
  return { program, listening: async () => LISTENING.exec(await program.line(LISTENING))![1] };
}

const noRedis = inject('redisBinary') === null;

describe('the API process', { timeout: 120_000 }, () => {
  it.skipIf(noRedis)('starts without Redis, answers 503, and becomes ready with Redis', async () => {
    const redis = new RedisServer(['appendonly no']);
    onTestFinished(() => redis.remove());
    const { program, listening } = await startServer({ REDIS_URL: redis.url });
    const url = await listening();
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    const jobs = await fetch(`${url}/jobs`);
    expect(jobs.status).toBe(503);
    expect(jobs.headers.get('retry-after')).not.toBeNull();
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    await redis.start();
    await expect
      .poll(async () => (await fetch(`${url}/readyz?exclude=workers`)).status, { timeout: 60_000 })
      .toBe(200);
    await program.line(/append-only file switched off.*is lost/);
    program.kill('SIGTERM');
    expect(await program.ended).toBe(0);
  });

  it.skipIf(noRedis)(
    'refuses a Redis that may delete jobs, and names the command that fixes it',
    async () => {
      const { url } = await startRedis(['maxmemory-policy allkeys-lru']);
      const { program } = await startServer({ REDIS_URL: url });
      await program.line(/allkeys-lru.*redis-cli CONFIG SET maxmemory-policy noeviction/);
      expect(await program.ended).toBe(78);
    },
  );

  it.skipIf(noRedis)('outlives more silent connections than it has descriptors', async () => {
    const { url: redisUrl } = await startRedis([]);
    const { program, listening } = await startServer({ REDIS_URL: redisUrl }, 256);
    const url = await listening();
    await program.line(/may open 256 files.*156 connections/);
    const { hostname, port } = new URL(url);
    const silent = Array.from({ length: 300 }, () => connect(Number(port), hostname).on('error', () => {}));
    onTestFinished(() => {
      for (const socket of silent) socket.destroy();
    });
    await Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    for (const path of ['/livez', '/readyz?exclude=workers', '/jobs', '/metrics', '/docs/']) {
      expect((await fetch(`${url}${path}`, { headers: { connection: 'close' } })).status, path).toBe(200);
    }
  });

  it.each([
    ['127.0.0.2', '127.0.0.2'],
    ['[::1]', '[0:0:0:0:0:0:0:1]'],
    ['::ffff:127.0.0.1', '[::ffff:127.0.0.1]'],
    ['0.0.0.0', '127.0.0.3'],
  ])('answers at HOST=%s under the name that it has', async (HOST, name) => {
    const { listening } = await startServer({ REDIS_URL: 'unix:/nowhere', HOST, AUTH: 'none' });
    const { port } = new URL(await listening());
    expect((await fetch(`http://${name}:${port}/openapi.json`)).status).toBe(200);
  });

  it.each([
    ['REDIS_URL is missing', {}, 'The API on its own needs REDIS_URL.'],
    ['a setting is wrong', { LEASE_MS: 'x' }, 'LEASE_MS=x: expected a whole number'],
    [
      'WEBHOOK_URL is private',
      {
        REDIS_URL: 'unix:/nowhere',
        WEBHOOK_SECRET: `whsec_${Buffer.alloc(32).toString('base64')}`,
        WEBHOOK_URL: 'http://[::ffff:127.0.0.1]:8000/',
      },
      'set WEBHOOK_ALLOW_PRIVATE=1',
    ],
    [
      'HOST is another machine',
      { REDIS_URL: 'unix:/nowhere', HOST: '192.0.2.1', AUTH: 'none' },
      'not an address of this',
    ],
  ])('says so and ends with 78 when %s', async (_case, env, sentence) => {
    const { program } = await startServer(env);
    expect(await program.ended).toBe(78);
    expect(program.output).toContain(sentence);
    expect(program.output).not.toMatch(/^\s+at /m);
  });
});
