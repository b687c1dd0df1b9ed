import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { StartedProgram } from '../support/started-program.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

it('npm start trains a job on a machine that has only Node', async () => {
  const folder = await makeTemporaryFolder();
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, 'node'));
  for (const name of ['npm', 'sh']) {
    symlinkSync(execFileSync('which', [name], { encoding: 'utf8' }).trim(), join(bin, name));
  }
  const npm = execFileSync('readlink', ['-f', join(bin, 'npm')], { encoding: 'utf8' }).trim();
  const env = { PATH: bin, HOME: folder, DATA_DIR: join(folder, 'data'), PORT: '0' };
  const descent = new StartedProgram(npm, ['start'], { env, cwd: process.cwd() });

  const url = /http:\S+/.exec(await descent.line(/API +http:/))![0];
  expect(descent.output).toContain('nothing survives a restart');
  const created = await fetch(`${url}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ dataset: 'mnist_sample', training: { epochs: 2 } }),
  });
  expect(created.status).toBe(202);
  const { id } = (await created.json()) as { id: string };
  const stream = await fetch(`${url}/jobs/${id}/events`, { headers: { accept: 'text/event-stream' } });
  expect(await stream.text()).toContain('event: job.succeeded');

  descent.kill('SIGTERM');
  expect(await descent.ended).toBe(0);
});
