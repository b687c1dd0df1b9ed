import { cpSync, renameSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { signalAll } from '../support/processes.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { Installation } from './installation.ts';
import { SMALL } from './small-jobs.ts';

it('a worker whose trainers do not start harms no job: it gives the job back and exits', async () => {
  const folder = await makeTemporaryFolder();
  for (const name of ['dist', 'package.json']) cpSync(name, join(folder, name), { recursive: true });
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  const descent = await Installation.start({ program: join(folder, 'dist'), workers: 0 });
  const worker = await descent.startWorker();
  const trainer = join(folder, 'dist/workers/trainer.bundle.js');
  renameSync(trainer, `${trainer}.gone`);
  const warm = descent.trainers();
  signalAll(warm, 'SIGKILL');
  await expect.poll(() => descent.trainers()).not.toContainEqual(warm[0]);

  const { id } = await descent.create(SMALL);
  expect(await worker.ended).toBe(1);
  expect(await descent.job(id)).toMatchObject({ status: 'queued', attempts: [] });

  renameSync(`${trainer}.gone`, trainer);
  await descent.startWorker();
  await descent.toEnd(id);
  expect(await descent.job(id)).toMatchObject({ status: 'succeeded', attempts: [{ attempt: 1 }] });
});
