import { execFile } from 'node:child_process';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, inject, it } from 'vitest';
import { WorkerReports } from '../../src/store/worker-reports.ts';
import { newCounters } from '../../workers/counters.ts';
import { created, newJobId, openStore } from '../store/open-store.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

/** `npm run doctor` as an operator runs it. */

const DOCTOR = fileURLToPath(new URL('../../dist/src/doctor/main.js', import.meta.url));

const { store, keys, redis } = openStore();
const PREFIX = keys.root.slice(1, -2);

async function examine(cwd: string, env: NodeJS.ProcessEnv, args: string[] = []) {
  const settings = { PATH: process.env.PATH, ...env };
  return await promisify(execFile)(process.execPath, [DOCTOR, ...args], { cwd, env: settings }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: unknown) => error as { code: number; stdout: string; stderr: string },
  );
}

it('finds each kind of fault, says what to do, changes nothing, and ends with 1', async () => {
  const folder = await makeTemporaryFolder();
  const alone = newJobId();
  const old = join(folder, 'jobs', alone, '.1-2.ckpt.x.tmp');
  await mkdir(join(folder, 'jobs', alone), { recursive: true });
  await writeFile(old, '');
  await utimes(old, 1, 1);
  const id = await created(store);
  // As if a delivery had been lost.
  await redis.zremrangebyrank(keys.outbox, 0, -1);
  const report = {
    id: 'host-b/2',
    host: 'host-b',
    pid: 2,
    version: '9.9.9',
    concurrency: 2,
    started_at: '2026-01-01T00:00:00.000Z',
    problem: 'The folder cannot be written.',
    running: [],
    engines: [],
    memory_mb: null,
    trained: [],
    counters: newCounters(),
  };
  await new WorkerReports(redis, keys).write(report);
  const text = (await redis.get(keys.worker(report.id)))!;
  await redis.set(keys.worker(report.id), text.replace(/"clock_offset_ms":-?\d+/, '"clock_offset_ms":-7000'));
  const before = await redis.keys(`${keys.root}*`);
  const { code, stdout } = await examine(folder, {
    DATA_DIR: folder,
    REDIS_URL: inject('redisUrl'),
    KEY_PREFIX: PREFIX,
  });
  expect(stdout).toContain(`wrong  1 live jobs are not in the queue (${id}). A worker puts them back`);
  expect(stdout).toContain('wrong  The worker host-b/2 takes no jobs: The folder cannot be written.');
  expect(stdout).toContain('wrong  The clock of the worker on host-b differs from that of Redis by -7.0 s.');
  expect(stdout).toContain('note   This is version 0.1.0, but host-b/2 runs 9.9.9.');
  expect(stdout).toContain(`note   1 folders in ${folder}/jobs have no record (${alone}).`);
  expect(stdout).toContain(`note   1 temporary files are older than an hour (${old}).`);
  expect(code).toBe(1);
  expect((await redis.keys(`${keys.root}*`)).sort()).toEqual(before.sort());
  await store.cancel('local', id);
});

it.each([
  [
    'no DATA_DIR and no Redis',
    { DATA_DIR: './nowhere' },
    1,
    /^wrong {2}DATA_DIR=.*nowhere does not exist.*\nwrong {2}REDIS_URL is not set/,
  ],
  [
    'a Redis that is away',
    { REDIS_URL: 'unix:/nowhere.sock', DATA_DIR: '.' },
    1,
    /^wrong {2}unix:\/nowhere\.sock.* cannot be examined: .*ENOENT/m,
  ],
])('says what is wrong with %s', async (_case, env, code, text) => {
  const answer = await examine(await makeTemporaryFolder(), env);
  expect(answer.stdout).toMatch(text);
  expect(answer.code).toBe(code);
});

it('explains itself, and refuses what it does not know', async () => {
  const folder = await makeTemporaryFolder();
  expect((await examine(folder, {}, ['--help'])).stdout).toContain('Exit code: 0');
  expect(await examine(folder, {}, ['--fix'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--fix'),
  });
  expect(await examine(folder, { LEASE_MS: 'x' })).toMatchObject({ code: 2 });
});
