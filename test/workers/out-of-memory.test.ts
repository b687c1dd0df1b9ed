import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
// The compiled module, which starts the compiled trainer as in production.
// @ts-expect-error it has no declarations
import * as compiled from '../../dist/workers/trainer-process.js';
import { JobSpecSchema } from '../../src/contract/job-spec.ts';
import { DATASETS } from '../../src/dataset/registry.ts';
import { MemoryLimit } from '../../src/process/memory-limit.ts';
import { runJob } from '../../workers/run-job.ts';
import type * as Sources from '../../workers/trainer-process.ts';
import { created, jobIn, openStore } from '../store/open-store.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';
import { partsOf } from './worker-parts.ts';

const { TrainerPool } = compiled as typeof Sources;
const log = { info() {}, warn() {}, error() {} };
const opened = openStore();
const { store } = opened;

/** Runs a job whose trainer is ended by SIGKILL, as the kernel does it. */
async function runAndKill({ counts }: { counts: boolean }) {
  const folder = await makeTemporaryFolder();
  const kills = (n: number) => writeFileSync(join(folder, 'memory.events'), `oom_kill ${n}\n`);
  kills(3);
  writeFileSync(join(folder, 'self'), '0::/\n');
  const limit = MemoryLimit.find(folder, join(folder, 'self'));
  const pool = new TrainerPool(log);
  onTestFinished(() => pool.close());
  const spec = JobSpecSchema.parse({ dataset: 'mnist_sample', training: { epochs: 1000 } });
  const id = await created(store, { spec, data: DATASETS.mnist_sample.shape });
  const trainer = await pool.take();
  pool.giveBack(trainer);
  const parts = { ...(await partsOf(opened)), trainers: pool, oomKills: () => limit.kills() };
  const run = runJob({ id, delivery: 1, extendLock: async () => true }, parts);
  await expect
    .poll(async () => (await jobIn(store, 'local', id)).progress.epoch, { timeout: 60_000 })
    .toBeGreaterThan(0);
  if (counts) kills(4);
  process.kill(trainer.pid!, 'SIGKILL');
  await run;
  return await jobIn(store, 'local', id);
}

it('a trainer that the kernel counts as killed for memory ends its job, once and for all', async () => {
  expect(await runAndKill({ counts: true })).toMatchObject({
    status: 'failed',
    error: { code: 'out_of_memory', retryable: false },
  });
});

it('any other SIGKILL is a crash, which is retried', async () => {
  expect(await runAndKill({ counts: false })).toMatchObject({
    status: 'queued',
    attempts: [{ outcome: 'trainer_crashed' }],
  });
});
