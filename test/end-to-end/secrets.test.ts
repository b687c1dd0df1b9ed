import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { parseRedisUrl } from '../../src/process/redis-address.ts';
import { connectForRequests, connectForWorkers, type Redis } from '../../src/redis/connections.ts';
import { descendantsOf } from '../support/processes.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { StartedProgram } from '../support/started-program.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

/** Nothing that a process prints, returns or exposes contains a part of a login to Redis. */

const CANARY = /c4nary/i;
const USER = 'c4naryUser';
const PASSWORD = 'c4nary/p@ss?#%';
const ENCODED = encodeURIComponent(PASSWORD);

const ENTRIES = {
  'npm start': '../../dist/src/main.js',
  API: '../../dist/src/server.js',
  worker: '../../dist/workers/main.js',
};

/** A Redis that accepts only this user with this password. */
async function startGuardedRedis(): Promise<RedisServer> {
  const server = await startRedis(['appendonly no']);
  const admin = server.admin();
  await admin.call('ACL', 'SETUSER', USER, 'on', `>${PASSWORD}`, '~*', '&*', '+@all');
  await admin.call('ACL', 'SETUSER', 'default', 'off');
  return server;
}

async function run(entry: keyof typeof ENTRIES, env: Record<string, string>, args: string[] = []) {
  const cwd = await makeTemporaryFolder();
  const { ENV_FILE: file, ...settings } = env;
  if (file !== undefined) await writeFile(join(cwd, '.env'), file);
  const path = fileURLToPath(new URL(ENTRIES[entry], import.meta.url));
  return new StartedProgram(path, args, {
    cwd,
    env: { PATH: process.env.PATH, PORT: '0', WORKER_CONCURRENCY: '1', ...settings },
  });
}

/** Everything that any visitor can read: answers and errors. */
async function visit(url: string): Promise<string> {
  const paths = [
    '/',
    '/livez',
    '/readyz',
    '/metrics',
    '/workers',
    '/engines',
    '/jobs',
    '/jobs/job_x',
    '/openapi.json',
  ];
  const answers = paths.map(async (path) => (await fetch(url + path)).text());
  const post = fetch(`${url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  return [...(await Promise.all(answers)), await (await post).text()].join('\n');
}

const apiOf = async (program: StartedProgram) => /(http:\S+)/.exec(await program.line(/^ {2}API /))![1];

describe.skipIf(inject('redisBinary') === null)('a login to Redis', () => {
  const tcp = ({ port }: RedisServer) => `redis://${USER}:${ENCODED}@127.0.0.1:${port}`;

  it.each<[string, (at: RedisServer) => Record<string, string>]>([
    ['in the URL', (at) => ({ REDIS_URL: `${tcp(at)}/1` })],
    ['in the URL, in .env', (at) => ({ ENV_FILE: `REDIS_URL=${tcp(at)}\n` })],
    [
      'in parameters',
      ({ port }) => ({ REDIS_URL: `redis://127.0.0.1:${port}?username=${USER}&password=${ENCODED}` }),
    ],
    ['in the URL of a socket', ({ socket }) => ({ REDIS_URL: `unix://${USER}:${ENCODED}@${socket}?db=1` })],
    [
      'in settings of its own, in .env, for a socket',
      ({ socket }) => ({
        REDIS_URL: `unix:${socket}`,
        ENV_FILE: `REDIS_USERNAME=${USER}\nREDIS_PASSWORD='${PASSWORD}'\nc4naryFOO=c4nary\n`.replace(
          'c4naryFOO',
          'FOO',
        ),
      }),
    ],
  ])('%s is used, and shown nowhere', async (_case, env) => {
    const program = await run('npm start', env(await startGuardedRedis()));
    const url = await apiOf(program);
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(200);
    await expect.poll(async () => (await visit(url)).includes('"pid"')).toBe(true);
    expect(await visit(url)).not.toMatch(CANARY);
    expect(inspect(descendantsOf(program.pid))).not.toMatch(CANARY);
    program.kill('SIGTERM');
    expect(await program.ended).toBe(0);
    expect(program.output).not.toMatch(CANARY);
  });

  it.each<[string, (at: RedisServer) => string]>([
    ['is for another kind of server', () => `redis://${USER}:${ENCODED}@127.0.0.1:1`],
    ['is for a host that is not there', () => `rediss://${USER}:${ENCODED}@nowhere.invalid`],
  ])('that %s is shown nowhere', async (_case, redisUrl) => {
    const program = await run('npm start', { REDIS_URL: redisUrl(await startGuardedRedis()) });
    const url = await apiOf(program);
    await program.line(/api .*Redis cannot be reached/);
    await program.line(/worker .*Redis cannot be reached/);
    const answers = await visit(url);
    expect(answers).toContain('"status":503');
    expect(answers).not.toMatch(CANARY);
    program.kill('SIGTERM');
    await program.ended;
    expect(program.output).not.toMatch(CANARY);
  });

  it.each<[string, (at: RedisServer) => string]>([
    ['is wrong', ({ port }) => `redis://${USER}:c4naryWrong@127.0.0.1:${port}`],
    ['is wrong for a socket', ({ socket }) => `unix://c4naryOther:c4naryWrong@${socket}`],
  ])('that %s ends the start and is shown nowhere', async (_case, redisUrl) => {
    const program = await run('npm start', { REDIS_URL: redisUrl(await startGuardedRedis()) });
    expect(await program.ended).toBe(1);
    expect(program.output).toContain('Redis refuses the user or the password of REDIS_URL');
    expect(program.output).not.toMatch(CANARY);
  });

  const MALFORMED = [
    `valkey+x://u:c4nary@h`,
    `redis://:c4nary/x@h`,
    `redis://u:12?c4nary&c4nary@h`,
    `redis://h#c4nary`,
    `redis://h?auth=c4nary`,
    'c4nary',
  ];
  const entries = Object.keys(ENTRIES) as (keyof typeof ENTRIES)[];

  it.each(entries)('in a malformed URL is not quoted by: %s', async (entry) => {
    const checks = MALFORMED.map(async (redisUrl, k) => {
      const inFile = { ENV_FILE: `REDIS_URL='${redisUrl}'` };
      const program = await run(entry, k % 2 === 0 ? { REDIS_URL: redisUrl } : inFile);
      expect([1, 78]).toContain(await program.ended);
      expect(program.output).toMatch(/REDIS_URL( \(in \.env\))?: expected redis:\/\//);
      expect(program.output).not.toMatch(CANARY);
    });
    await Promise.all(checks);
  });

  it('is not in --help', async () => {
    const program = await run('npm start', { REDIS_URL: 'redis://:c4nary@h', REDIS_PASSWORD: 'c4nary' }, [
      '--help',
    ]);
    expect(await program.ended).toBe(0);
    expect(program.output).not.toMatch(CANARY);
  });

  it('is in no error of a connection, nor of one made from it', async () => {
    const { port } = await startGuardedRedis();
    const address = parseRedisUrl(`redis://${USER}:c4naryWrong@127.0.0.1:${port}`);
    const errors: unknown[] = [];
    const open = (redis: Redis) => {
      onTestFinished(() => redis.disconnect());
      return redis;
    };
    const first = open(connectForWorkers(address, (error) => errors.push(error)));
    const second = open(first.duplicate());
    second.on('error', (error) => errors.push(error));
    const third = open(connectForRequests(address, (error) => errors.push(error)));
    await Promise.all([once(second, 'error'), once(third, 'error'), once(first, 'error')]);
    await third.auth(USER, 'c4naryWrong').catch((error: unknown) => errors.push(error));
    await third.ping().catch((error: unknown) => errors.push(error));
    expect(errors.map(String).join()).toContain('WRONGPASS');
    expect(inspect(errors, { depth: null, showHidden: true })).not.toMatch(CANARY);
    expect(JSON.stringify(errors)).not.toMatch(CANARY);
  });
});
