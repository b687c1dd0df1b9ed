import { fileURLToPath } from 'node:url';
import { expect, inject, it } from 'vitest';
import { freePort, startRedis } from '../support/redis-server.ts';
import { StartedProgram } from '../support/started-program.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const REQUESTS = 500;

/** A process's log lines that are warnings or worse. */
const complaints = (program: StartedProgram) =>
  program.lines
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { level: number; msg: string; repeated?: number })
    .filter(({ level }) => level >= 40);

it.skipIf(inject('redisBinary') === null)(
  'a Redis that becomes a read-only replica causes a handful of lines, not one per refusal',
  async () => {
    const folder = await makeTemporaryFolder();
    const redis = await startRedis(['appendonly no']);
    const env = { PATH: process.env.PATH, PORT: '0', REDIS_URL: redis.url, DATA_DIR: folder };
    const start = (entry: string) =>
      new StartedProgram(fileURLToPath(new URL(entry, import.meta.url)), [], { cwd: folder, env });
    const api = start('../../dist/src/server.js');
    const worker = start('../../dist/workers/main.js');
    const [, url] = /listening at (http:[^"]+)/.exec(await api.line(/listening at/))!;
    await worker.line(/the worker is ready/);
    // From here on a refusal makes it wait; before, it would have refused to start.
    await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(200);

    await redis.admin().replicaof('127.0.0.1', await freePort());
    await worker.line(/READONLY/);
    for (let k = 0; k < REQUESTS; k++) {
      const body = JSON.stringify({ name: `number ${k}` });
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${url}/jobs`, { method: 'POST', headers, body });
      expect(answer.status).toBe(503);
    }
    const whileItLasted = complaints(api).length + complaints(worker).length;
    for (const program of [api, worker]) {
      program.kill('SIGTERM');
      await program.ended;
    }
    // Each fault once; at the end, each once more with its count.
    expect(whileItLasted).toBeLessThanOrEqual(12);
    expect(complaints(api).length + complaints(worker).length).toBeLessThanOrEqual(24);
    const refused = complaints(api).find(({ repeated }) => repeated !== undefined);
    expect(refused).toMatchObject({ msg: 'a request was refused', repeated: REQUESTS - 1 });
  },
);
