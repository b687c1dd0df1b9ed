import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, it } from 'vitest';
import { type Job, JobSchema } from '../../src/contract/job.ts';
import { startReady } from '../support/started-descent.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { MEDIUM, SMALL } from './small-jobs.ts';

/** deploy/backup.sh and deploy/restore.sh on a real installation. */

const run = promisify(execFile);

const json = async (url: string) => (await (await fetch(url)).json()) as unknown;

const job = async (url: string, id: string): Promise<Job> => JobSchema.parse(await json(`${url}/jobs/${id}`));

async function create(url: string, spec: object): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/jobs`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ ...spec, cache: false }),
  });
  expect(response.status).toBe(202);
  return ((await response.json()) as Job).id;
}

const ended = (url: string, id: string) =>
  expect.poll(async () => (await job(url, id)).status, { timeout: 90_000 }).toBe('succeeded');

/** The files of a job with their hashes. */
async function filesOf(dataDir: string, id: string): Promise<Record<string, string>> {
  const folder = join(dataDir, 'jobs', id);
  const names = (await readdir(folder)).sort();
  const hash = async (name: string) =>
    createHash('sha256')
      .update(await readFile(join(folder, name)))
      .digest('hex');
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await hash(name)])));
}

it.skipIf(inject('redisBinary') === null)(
  'a backup restores into a new folder: every answer and file is the same, and a running job resumes',
  async () => {
    const first = await startReady();
    const dataDir = join(first.folder, 'data');
    const done = await create(first.url, SMALL);
    await ended(first.url, done);
    const whole = await create(first.url, MEDIUM);
    await ended(first.url, whole);
    const upload = await fetch(`${first.url}/datasets/mine?format=csv`, {
      method: 'PUT',
      body: Array.from({ length: 20 }, (_, i) => `${i},${i % 7},c${i % 2}`).join('\n'),
    });
    expect(upload.status).toBe(201);
    const running = await create(first.url, MEDIUM);
    await expect.poll(async () => (await job(first.url, running)).progress.epoch).toBeGreaterThan(0);

    const place = await makeTemporaryFolder();
    const file = join(place, 'descent.tar.gz');
    const backup = () => run('deploy/backup.sh', [dataDir, file]);
    await expect(backup()).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('stop it first'),
    });
    const paths = (id: string) => [`/jobs/${id}`, `/jobs/${id}/metrics`, `/jobs/${id}/events?limit=1000`];
    const read = (url: string, id: string) => Promise.all(paths(id).map((path) => json(url + path)));
    const rows = await json(`${first.url}/datasets/mine/rows`);
    const before = await read(first.url, done);
    first.program.kill('SIGTERM');
    expect(await first.program.ended).toBe(0);
    expect((await backup()).stdout).toMatch(/^Wrote .*, 3 jobs with files\.\n$/);

    const restored = join(place, 'data');
    await run('deploy/restore.sh', [file, restored]);
    await expect(run('deploy/restore.sh', [file, restored])).rejects.toMatchObject({ code: 1 });
    expect(await filesOf(restored, done)).toEqual(await filesOf(dataDir, done));
    const second = await startReady({ folder: place });
    expect(await read(second.url, done)).toEqual(before);
    expect(await json(`${second.url}/datasets/mine/rows`)).toEqual(rows);
    expect(await readdir(join(restored, 'datasets'))).toContainEqual(
      expect.stringMatching(/^[0-9a-f]{64}\.prepared$/),
    );
    await ended(second.url, running);
    const resumed = await job(second.url, running);
    expect(resumed.attempts.map(({ outcome }) => outcome)).toEqual(['drained', 'succeeded']);
    expect(resumed.result!.weights_sha256).toBe((await job(second.url, whole)).result!.weights_sha256);

    // The same place is examined from outside.
    const doctor = await run(process.execPath, [join(process.cwd(), 'dist/src/doctor/main.js')], {
      cwd: place,
      env: { PATH: process.env.PATH },
    });
    expect(doctor.stdout).toMatch(/\nNothing is wrong\.\n$/);
  },
);
