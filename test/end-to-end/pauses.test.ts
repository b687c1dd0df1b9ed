import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { CheckpointListSchema } from '../../src/contract/checkpoints.ts';
import type { Job } from '../../src/contract/job.ts';
import { Installation } from './installation.ts';
import { MEDIUM, SMALL } from './small-jobs.ts';

const act = async (descent: Installation, id: string, action: string): Promise<number> =>
  (await descent.fetch(`/jobs/${id}/${action}`, { method: 'POST' })).status;

async function trained(descent: Installation, spec: object): Promise<Job> {
  const { id } = await descent.create(spec);
  await descent.toEnd(id);
  return await descent.job(id);
}

const bitsOf = ({ result }: Job) => [result?.weights_sha256, result?.metrics_sha256, result?.test];

it('a paused job frees its worker, and goes on where it was to the same bits', async () => {
  const descent = await Installation.start();
  const whole = await trained(descent, { ...MEDIUM, engine: 'auto' });

  const { id } = await descent.create(MEDIUM);
  await descent.until(id, 'job.epoch');
  expect(await act(descent, id, 'pause')).toBe(202);
  await descent.until(id, 'job.paused');
  const paused = await descent.job(id);
  expect(paused).toMatchObject({ status: 'paused', attempts: [{ attempt: 1, outcome: 'paused' }] });
  expect((await trained(descent, SMALL)).status).toBe('succeeded');

  expect(await act(descent, id, 'resume')).toBe(202);
  await descent.toEnd(id);
  const job = await descent.job(id);
  expect(job.status).toBe('succeeded');
  // It stopped at the end of an epoch, so nothing is computed again.
  expect(job.attempts.map(({ from_epoch }) => from_epoch)).toEqual([0, paused.progress.epoch]);
  expect(bitsOf(job)).toEqual(bitsOf(whole));
});

it('a job paused at once goes on from its newest checkpoint, to the same bits', async () => {
  const descent = await Installation.start();
  const whole = await trained(descent, { ...MEDIUM, engine: 'auto' });

  const { id } = await descent.create(MEDIUM);
  await descent.until(id, 'job.epoch');
  await act(descent, id, 'pause?now=true');
  await descent.until(id, 'job.paused');
  const paused = await descent.job(id);
  await act(descent, id, 'resume');
  await descent.toEnd(id);
  const job = await descent.job(id);
  expect(job.attempts[1]!.from_epoch).toBeLessThanOrEqual(paused.progress.epoch);
  expect(bitsOf(job)).toEqual(bitsOf(whole));
});

it('a job whose worker dies while it pauses is paused; a cancelled one keeps what its spec asks for', async () => {
  const descent = await Installation.start({ leaseMs: 2_000 });
  const { id } = await descent.create({ ...MEDIUM, training: { ...MEDIUM.training, epochs: 200 } });
  await descent.until(id, 'job.epoch');
  await act(descent, id, 'pause');
  await descent.until(id, 'job.paused');
  await act(descent, id, 'resume');
  await descent.until(id, 'job.running');
  const folder = join(descent.dataDir, 'jobs', id);
  expect(existsSync(folder)).toBe(true);

  const { attempts } = await descent.job(id);
  await act(descent, id, 'pause');
  await descent.workerOf(await descent.job(id)).killTree();
  await descent.startWorker();
  await expect.poll(async () => (await descent.job(id)).status, { timeout: 30_000 }).toBe('paused');
  expect(existsSync(folder)).toBe(true);
  expect(attempts.length).toBeLessThanOrEqual(2);

  expect((await descent.cancel(id)).status).toBe(202);
  expect((await descent.job(id)).status).toBe('cancelled');
  const { data } = CheckpointListSchema.parse(await (await descent.fetch(`/jobs/${id}/checkpoints`)).json());
  expect(data).toHaveLength(1);
  await expect
    .poll(() => readdirSync(folder).filter((name) => !name.endsWith('.log')))
    .toEqual([expect.stringMatching(/\.ckpt$/)]);
  const file = await descent.fetch(data[0]!.links.self);
  expect((await file.arrayBuffer()).byteLength).toBe(data[0]!.bytes);
  expect((await descent.fetch(`/jobs/${id}`, { method: 'DELETE' })).status).toBe(204);
  expect(existsSync(folder)).toBe(false);
});
