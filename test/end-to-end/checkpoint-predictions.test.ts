import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Descent, type DescentError, type PredictionList } from '../../src/client/descent.ts';
import { COMMAND, lines } from '../cli/run-command.ts';
import { runProgram } from '../support/run-program.ts';
import { Installation } from './installation.ts';
import { MEDIUM, SMALL } from './small-jobs.ts';

/** Twenty rows of all greys. */
const ROWS = Uint8Array.from({ length: 20 * 784 }, (_, i) => (i * 97 + (i >> 5)) % 256);

/** It ends only when it is cancelled. */
const ENDLESS = { ...MEDIUM, training: { ...MEDIUM.training, epochs: 1000 } };

it('a job predicts while it trains, with the bits of a job that ends there', async () => {
  const descent = await Installation.start({ concurrency: 2 });
  const { jobs } = new Descent({ url: descent.url });
  const rows = new Blob([ROWS]);
  const { id } = await descent.create(ENDLESS);

  let early: PredictionList | undefined;
  for await (const event of descent.watch(id)) {
    if (event.type !== 'job.epoch') continue;
    early = await jobs.predict(id, rows, { checkpoint: 'latest' }).catch((error: unknown) => {
      expect(error).toMatchObject({ code: 'no_checkpoint', status: 409 } satisfies Partial<DescentError>);
      return undefined;
    });
    if (early !== undefined) break;
  }
  expect((await descent.job(id)).status).toBe('running');

  const file = join(descent.dataDir, 'rows.bin');
  writeFileSync(file, ROWS);
  const env = { PATH: process.env.PATH, DESCENT_URL: descent.url };
  const args = ['predict', id, file, '--checkpoint', 'latest', '--json'];
  const ended = await runProgram(process.execPath, [COMMAND, ...args], { cwd: descent.dataDir, env });
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  const [{ file: _, ...later }] = lines(ended.stdout) as [PredictionList & { file: string }];
  expect(later.epoch).toBeGreaterThanOrEqual(early!.epoch);
  await jobs.cancel(id);

  for (const found of [early!, later]) {
    // The fastest engine, so that the bits are those of another one, too.
    const training = { ...MEDIUM.training, epochs: found.epoch };
    const whole = await descent.create({ ...MEDIUM, engine: 'auto', training });
    await descent.toEnd(whole.id);
    expect((await descent.job(whole.id)).result!.weights_sha256).toBe(found.weights_sha256);
    expect(await jobs.predict(whole.id, rows)).toEqual(found);
    expect(await jobs.predict(whole.id, rows, { checkpoint: 'latest' })).toEqual(found);
  }
  await descent.toEnd(id);
  const after = jobs.predict(id, rows, { checkpoint: 'latest' });
  await expect(after).rejects.toMatchObject({ code: 'not_found', status: 404 });
});

it('a finished job answers from each epoch that it keeps, with the bits of a job of so many epochs', async () => {
  const descent = await Installation.start();
  const { jobs } = new Descent({ url: descent.url });
  const rows = new Blob([ROWS]);
  const { id } = await descent.create({ ...SMALL, checkpoints: { keep: 'all' } });
  await descent.toEnd(id);
  expect(await jobs.predict(id, rows, { checkpoint: 3 })).toEqual(await jobs.predict(id, rows));
  const short = await descent.create({ ...SMALL, training: { ...SMALL.training, epochs: 2 } });
  await descent.toEnd(short.id);
  const expected = await jobs.predict(short.id, rows);

  const file = join(descent.dataDir, 'rows.bin');
  writeFileSync(file, ROWS);
  const env = { PATH: process.env.PATH, DESCENT_URL: descent.url };
  const run = (...args: string[]) =>
    runProgram(process.execPath, [COMMAND, 'predict', id, file, '--checkpoint', ...args], {
      cwd: descent.dataDir,
      env,
    });
  const ended = await run('2', '--json');
  expect(ended).toMatchObject({ code: 0, stderr: '' });
  expect(lines(ended.stdout)).toEqual([{ file, ...expected }]);
  expect(await run('9')).toMatchObject({ code: 1, stderr: expect.stringContaining('It has: 1, 2, 3.') });
});
