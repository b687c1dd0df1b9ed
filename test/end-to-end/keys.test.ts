import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, inject, it } from 'vitest';
import { startRedis } from '../support/redis-server.ts';
import { StartedProgram } from '../support/started-program.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

/** `npm run keys` beside a running API that asks for keys. */

const pathOf = (entry: string) => fileURLToPath(new URL(`../../dist/src/${entry}.js`, import.meta.url));

async function runKeys(env: Record<string, string>, ...args: string[]) {
  const cwd = await makeTemporaryFolder();
  const options = { cwd, env: { PATH: process.env.PATH, ...env } };
  return await promisify(execFile)(process.execPath, [pathOf('keys'), ...args], options).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  );
}

describe.skipIf(inject('redisBinary') === null)('keys', { timeout: 120_000 }, () => {
  it('are made, listed and revoked, and stand nowhere but in their user’s hands', async () => {
    const redis = await startRedis(['appendonly yes', 'appendfsync always']);
    const env = { REDIS_URL: redis.url };
    const cwd = await makeTemporaryFolder();
    const api = new StartedProgram(pathOf('server'), [], {
      cwd,
      env: { PATH: process.env.PATH, PORT: '0', AUTH: 'keys', LOG_LEVEL: 'trace', DATA_DIR: cwd, ...env },
    });
    const [, url] = /listening at (http:[^"]+)/.exec(await api.line(/listening at/))!;
    await expect
      .poll(async () => (await fetch(`${url}/readyz?exclude=workers`)).status, { timeout: 60_000 })
      .toBe(200);

    const made = await runKeys(
      env,
      'create',
      '--name',
      'ci',
      '--owner',
      'alice',
      '--role',
      'writer',
      '--expires',
      '90d',
    );
    expect(made.code, made.stderr).toBe(0);
    const key = made.stdout.trim();
    expect(key).toMatch(/^dsc_[0-9A-Za-z]{11}_[0-9A-Za-z]{49}$/);
    expect(made.stderr).toContain('it is not shown again');

    const ask = (path: string, options: RequestInit = {}) =>
      fetch(url + path, { ...options, headers: { authorization: `Bearer ${key}`, ...options.headers } });
    expect(await (await ask('/me')).json()).toMatchObject({
      owner: 'alice',
      role: 'writer',
      key: { name: 'ci' },
    });
    const answers = [
      await (await ask('/workers')).text(),
      await (
        await ask('/jobs', {
          method: 'POST',
          body: `{"metadata":`,
          headers: { 'content-type': 'application/json' },
        })
      ).text(),
      await (await ask(`/jobs?status=${key}`)).text(),
      await (await fetch(`${url}/me`, { headers: { authorization: `Bearer ${key}x` } })).text(),
      await (
        await fetch(`${url}/session`, {
          method: 'POST',
          body: JSON.stringify({ key: `${key}x` }),
          headers: { 'content-type': 'application/json' },
        })
      ).text(),
    ];

    const listed = await runKeys(env, 'list');
    const id = key.split('_')[1]!;
    expect(listed.stdout).toMatch(
      new RegExp(`${id} +ci +alice +writer +\\d{4}-.* UTC +\\d{4}-.* UTC +\\d{4}-.* UTC`),
    );
    expect((await runKeys(env, 'revoke', id)).stdout).toBe(`Revoked ${id}.\n`);
    await expect.poll(async () => (await ask('/me')).status).toBe(401);

    await redis.admin().save();
    const secret = key.split('_')[2]!.slice(0, 20);
    const files = readdirSync(redis.folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(aof|rdb)$/.test(name))
      .map((name) => readFileSync(join(redis.folder, name), 'latin1'));
    expect(files.length).toBeGreaterThan(1);
    for (const text of [...answers, ...api.lines, ...files, listed.stdout, listed.stderr, made.stderr]) {
      expect(text.includes(secret), text.slice(0, 300)).toBe(false);
    }
  });

  it.each([
    [['--help'], 0, 'Usage: npm run keys'],
    [['make'], 1, 'There is no command make'],
    [
      ['create', '--name', 'x', '--owner', 'Al:ice', '--role', 'writer'],
      1,
      '--owner Al:ice is not allowed: 1 to 64',
    ],
    [['create', '--name', 'x', '--owner', 'alice', '--role', 'root'], 1, 'reader, writer, admin'],
    [['create', '--owner', 'alice', '--role', 'admin'], 1, '--name is missing'],
    [['create', '--name', 'x', '--owner', 'a', '--role', 'admin', '--expires', '1y'], 1, 'such as 90d'],
    [['create', '--nam', 'x'], 1, "Unknown option '--nam'"],
    [['revoke', 'x'], 1, 'There is no key x'],
  ])('keys %j ends with %i', async (args, code, text) => {
    const { url } = await startRedis();
    const result = await runKeys({ REDIS_URL: url }, ...args);
    expect(result.code).toBe(code);
    expect(result.stdout + result.stderr).toContain(text);
    expect(result.stderr).not.toContain('    at ');
  });

  it('says so when no Redis can be found', async () => {
    expect((await runKeys({}, 'list')).stderr).toContain('No Descent runs on DATA_DIR=./data');
    expect((await runKeys({ REDIS_URL: 'redis://127.0.0.1:1' }, 'list')).stderr).toContain('ECONNREFUSED');
  });

  it('give the jobs and datasets made without keys to an owner', async () => {
    const redis = await startRedis();
    const env = { REDIS_URL: redis.url };
    const cwd = await makeTemporaryFolder();
    const open = async (AUTH: string) => {
      const api = new StartedProgram(pathOf('server'), [], {
        cwd,
        env: { PATH: process.env.PATH, PORT: '0', AUTH, DATA_DIR: cwd, ...env },
      });
      const [, url] = /listening at (http:[^"]+)/.exec(await api.line(/listening at/))!;
      await expect
        .poll(async () => (await fetch(`${url}/readyz?exclude=workers`)).status, { timeout: 60_000 })
        .toBe(200);
      return url!;
    };
    const url = await open('none');
    const create = async (body = '{}') => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${url}/jobs`, { method: 'POST', headers, body });
      return ((await response.json()) as { id: string }).id;
    };
    const upload = async (name: string) => {
      const body = `x,y\n${Array.from({ length: 200 }, (_, i) => `${i},${i % 2 === 0 ? 'even' : 'odd'}\n`).join('')}`;
      const response = await fetch(`${url}/datasets/${name}?format=csv`, { method: 'PUT', body });
      expect(response.status).toBe(201);
    };
    await upload('free');
    await upload('needed');
    const [ended, queued] = [await create(), await create('{"dataset": "needed"}')];
    await fetch(`${url}/jobs/${ended}/cancel`, { method: 'POST' });
    const adopted = await runKeys(env, 'adopt', '--owner', 'alice');
    expect(adopted.stdout).toBe(
      'alice has adopted 1 job.\n1 job has not ended; adopt it when it has.\n' +
        'alice has needed, too; adopt it again when the jobs that need it have ended.\nalice has adopted 1 dataset.\n',
    );
    const names = async () =>
      (
        (await (await fetch(`${url}/datasets`)).json()) as { data: { name: string; built_in: boolean }[] }
      ).data
        .filter(({ built_in }) => !built_in)
        .map(({ name }) => name);
    expect(await names()).toEqual(['needed']);
    await fetch(`${url}/jobs/${queued}/cancel`, { method: 'POST' });
    expect((await runKeys(env, 'adopt', '--owner', 'alice')).stdout).toBe(
      'alice has adopted 1 job.\nalice has adopted 1 dataset.\n',
    );
    expect(await names()).toEqual([]);
    const key = (
      await runKeys(env, 'create', '--name', 'a', '--owner', 'alice', '--role', 'reader')
    ).stdout.trim();
    const guarded = await open('keys');
    const asAlice = (path: string) => fetch(guarded + path, { headers: { authorization: `Bearer ${key}` } });
    expect(await (await asAlice('/jobs')).json()).toMatchObject({
      data: [
        { id: queued, owner: 'alice' },
        { id: ended, owner: 'alice' },
      ],
    });
    expect((await asAlice(`/jobs/${ended}`)).status).toBe(200);
    expect(await (await asAlice('/datasets/free/rows?limit=1')).json()).toMatchObject({
      data: [{ index: 0 }],
    });
    expect((await asAlice('/datasets/needed')).status).toBe(200);
  });
});
