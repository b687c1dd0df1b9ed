import { describe, expect, inject, it } from 'vitest';
import { type Job, JobSchema } from '../../src/contract/job.ts';
import { descendantsOf } from '../support/processes.ts';
import { startReady } from '../support/started-descent.ts';

/** Processes that are stopped, as by a debugger or a frozen disk, under `npm start`: none answers and none exits. */

const SILENCE = ['--silence-ms=3000'];

const pidOf = (mainPid: number, words: string): number | undefined =>
  descendantsOf(mainPid).find(({ command }) => command.includes(words))?.pid;

async function job(url: string, id: string): Promise<Job> {
  return JobSchema.parse(await (await fetch(`${url}/jobs/${id}`)).json());
}

async function create(url: string, spec: object): Promise<string> {
  const post = () =>
    fetch(`${url}/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ...spec, cache: false }),
    });
  let response = await post();
  // On a slow machine it may be overloaded just after its start.
  for (; response.status === 503; response = await post()) await response.text();
  expect(response.status).toBe(202);
  return ((await response.json()) as Job).id;
}

const SAMPLE = { dataset: 'mnist_sample', model: { hidden_units: [16] } };

describe.skipIf(inject('redisBinary') === null)('npm start', () => {
  it('replaces a worker, an API, a Redis or its wrapper that is stopped, and jobs go on', async () => {
    const { program, url: first } = await startReady({ args: SILENCE, env: { LEASE_MS: '2000' } });
    let url = first;
    for (const [name, file] of [
      ['worker', 'workers/main.js'],
      ['API', 'src/server.js'],
      ['Redis', 'unixsocket:'],
      ['Redis', 'redis-wrapper.js'],
    ] as const) {
      const before = program.lines.length;
      const stopped = pidOf(program.pid, file)!;
      process.kill(stopped, 'SIGSTOP');
      if (name === 'worker') {
        // Nobody takes jobs, and the health check says so; the API itself serves.
        await expect.poll(async () => (await fetch(`${url}/readyz`)).status, { interval: 100 }).toBe(503);
        await expect.poll(async () => (await fetch(`${url}/readyz?exclude=workers`)).status).toBe(200);
      }
      await program.line(
        new RegExp(`^The ${name} died \\(no sign of life for 3 s\\); restarting it`),
        before,
      );
      await expect.poll(() => pidOf(program.pid, file)).toBeDefined();
      expect(pidOf(program.pid, file)).not.toBe(stopped);
      if (name === 'API') {
        const [, moved] = / (http:.*)$/.exec(await program.line(/^The API now listens on/, before))!;
        url = moved!;
      }
    }
    await expect
      .poll(async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.status, { timeout: 60_000 })
      .toBe(200);
    const id = await create(url, { ...SAMPLE, training: { epochs: 2 } });
    await expect.poll(async () => (await job(url, id)).status, { timeout: 60_000 }).toBe('succeeded');
  });

  it('replaces a trainer that is stopped, and its job goes on', async () => {
    const { program, url } = await startReady({ args: SILENCE });
    const stopped = await create(url, { ...SAMPLE, training: { epochs: 100 } });
    await expect.poll(async () => (await job(url, stopped)).progress.epoch).toBeGreaterThan(0);
    process.kill(pidOf(program.pid, 'trainer.bundle.js')!, 'SIGSTOP');
    await expect.poll(async () => (await job(url, stopped)).status, { timeout: 90_000 }).toBe('succeeded');
    const [first, second] = (await job(url, stopped)).attempts;
    expect(first).toMatchObject({ outcome: 'trainer_crashed' });
    expect(second!.reason).toContain('it gave no sign of life for 3 s and was killed');
  });
});
