import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CheckpointList, CheckpointListSchema } from '../../src/contract/checkpoints.ts';
import type { Job } from '../../src/contract/job.ts';
import { Installation } from './installation.ts';
import { SMALL } from './small-jobs.ts';

/** Dropout draws by step, and adam has powers: both must go on from where the parent was. */
const SPEC = {
  ...SMALL,
  model: { hidden_units: [16], dropout: 0.3 },
  optimizer: { type: 'adam' },
  training: { ...SMALL.training, epochs: 6 },
};

async function trained(descent: Installation, spec: object): Promise<Job> {
  const { id } = await descent.create(spec);
  await descent.toEnd(id);
  return await descent.job(id);
}

const post = async (descent: Installation, path: string, body: unknown) => {
  const headers = { 'content-type': 'application/json' };
  const response = await descent.fetch(path, { method: 'POST', headers, body: JSON.stringify(body) });
  return { status: response.status, body: (await response.json()) as Job & { code: string; detail: string } };
};

async function forked(descent: Installation, path: string, body: unknown): Promise<Job> {
  const { status, body: job } = await post(descent, path, body);
  expect(status, JSON.stringify(job)).toBe(202);
  await descent.toEnd(job.id);
  return await descent.job(job.id);
}

const checkpointsOf = async (descent: Installation, id: string): Promise<CheckpointList['data']> =>
  CheckpointListSchema.parse(await (await descent.fetch(`/jobs/${id}/checkpoints`)).json()).data;

const bitsOf = ({ result }: Job) => [result?.weights_sha256, result?.metrics_sha256, result?.test];

const epochsOf = async (descent: Installation, id: string): Promise<number[]> =>
  (await descent.events(id)).flatMap((event) => (event.type === 'job.epoch' ? [event.data.epoch] : []));

const descent = await Installation.startForFile();

describe('a job that is extended', () => {
  it('has the bits of one that asked for so many epochs at once, also after another extension', async () => {
    const whole = await trained(descent, SPEC);
    const short = await trained(descent, { ...SPEC, training: { ...SPEC.training, epochs: 2 } });
    expect((await checkpointsOf(descent, short.id)).map(({ epoch }) => epoch)).toEqual([2]);

    const longer = await forked(descent, `/jobs/${short.id}/extend`, { epochs: 4 });
    expect(longer).toMatchObject({
      status: 'succeeded',
      parent: { job: short.id, epoch: 2, optimizer_state: 'kept' },
      attempts: [{ attempt: 1, from_epoch: 2 }],
      progress: { epoch: 4, step: (whole.progress.step / 6) * 4, fraction: 1 },
    });
    expect(await epochsOf(descent, longer.id)).toEqual([1, 2, 3, 4]);
    const extended = await forked(descent, `/jobs/${longer.id}/extend`, { epochs: 6 });
    expect(bitsOf(extended)).toEqual(bitsOf(whole));
    expect(await epochsOf(descent, extended.id)).toEqual([1, 2, 3, 4, 5, 6]);

    await expect
      .poll(() => readdirSync(join(descent.dataDir, 'jobs', extended.id)).sort())
      .toEqual(['1-6.ckpt', '1-6.log', '1-evaluation.json', '1-model.bin']);
    expect((await descent.fetch(`/jobs/${short.id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await post(descent, `/jobs/${short.id}/extend`, { epochs: 9 })).status).toBe(404);
    const early = await post(descent, `/jobs/${extended.id}/extend`, { epochs: 6 });
    expect([early.status, early.body.code]).toEqual([422, 'validation_failed']);
  });
});

describe('a job that is forked', () => {
  it('goes on from any kept epoch, with another rate, optimizer and batch size', async () => {
    const whole = await trained(descent, { ...SPEC, checkpoints: { keep: 'all', every: 2 } });
    const kept = await checkpointsOf(descent, whole.id);
    expect(kept.map(({ epoch }) => epoch)).toEqual([2, 4, 6]);
    const file = await descent.fetch(kept[0]!.links.self);
    expect((await file.arrayBuffer()).byteLength).toBe(kept[0]!.bytes);
    expect((await descent.fetch(`/jobs/${whole.id}/checkpoints/3`)).status).toBe(404);

    const path = `/jobs/${whole.id}/fork`;
    // Nothing is changed but the metadata, so it comes to the same.
    const same = await forked(descent, path, { from_epoch: 4, overrides: { metadata: { twin: 'yes' } } });
    expect(bitsOf(same)).toEqual(bitsOf(whole));

    const slower = await forked(descent, path, {
      from_epoch: 2,
      overrides: { optimizer: { learning_rate: 0.0001 }, training: { epochs: 3 } },
    });
    expect(slower.parent).toMatchObject({ epoch: 2, optimizer_state: 'kept' });
    expect(slower.spec.optimizer).toMatchObject({ type: 'adam', learning_rate: 0.0001 });
    expect(bitsOf(slower)).not.toEqual(bitsOf(whole));

    const other = await forked(descent, path, {
      from_epoch: 4,
      overrides: { optimizer: { type: 'adagrad' }, training: { epochs: 5, batch_size: 100 }, name: 'other' },
    });
    expect(other.parent).toMatchObject({ epoch: 4, optimizer_state: 'new' });
    const steps = (whole.progress.steps / 6) * 4 + 48;
    expect(other.progress).toMatchObject({ epoch: 5, step: steps, steps, fraction: 1 });
    expect(other.result!.test.accuracy).toBeGreaterThan(0.5);
    // The same once more, since a fork is as determined as a job.
    const again = await forked(descent, path, {
      from_epoch: 4,
      overrides: { optimizer: { type: 'adagrad' }, training: { epochs: 5, batch_size: 100 } },
    });
    expect(bitsOf(again)).toEqual(bitsOf(other));
  });

  it('keeps the best epoch, or none, as its spec says', async () => {
    const best = await trained(descent, { ...SPEC, checkpoints: { keep: 'best', monitor: 'val_accuracy' } });
    const [kept, ...more] = await checkpointsOf(descent, best.id);
    expect(more).toEqual([]);
    expect(kept!.epoch).toBe(best.result!.best!.val_accuracy!.epoch);
    const none = await trained(descent, { ...SPEC, checkpoints: { keep: 'none' } });
    expect(await checkpointsOf(descent, none.id)).toEqual([]);
    const refused = await post(descent, `/jobs/${none.id}/fork`, {});
    expect([refused.status, refused.body.code]).toEqual([409, 'no_checkpoint']);
  });

  it('of a job that failed goes on from its newest checkpoint', async () => {
    // The rate is far too large from step 100 on.
    const learning_rate = { type: 'piecewise_constant_decay', boundaries: [100], values: [0.01, 10] };
    const spec = {
      ...SMALL,
      model: { hidden_units: [32, 32, 32, 32, 32, 32] },
      optimizer: { type: 'sgd', learning_rate },
      training: { ...SMALL.training, epochs: 6 },
      checkpoints: { keep: 'all' },
    };
    const failed = await trained(descent, spec);
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'diverged' } });
    // 75 steps an epoch.
    expect((await checkpointsOf(descent, failed.id)).map(({ epoch }) => epoch)).toEqual([1]);
    await expect
      .poll(() => readdirSync(join(descent.dataDir, 'jobs', failed.id)).sort())
      .toEqual(['1-1.ckpt', '1-2.log']);
    const overrides = { optimizer: { learning_rate: 0.01 } };
    const saved = await forked(descent, `/jobs/${failed.id}/fork`, { overrides });
    expect(saved).toMatchObject({ status: 'succeeded', parent: { epoch: 1, optimizer_state: 'kept' } });
  });

  it('can begin while its parent is paused, and goes on after a kill', async () => {
    const descent = await Installation.start({ leaseMs: 2_000 });
    const long = { ...SPEC, engine: 'reference', training: { ...SPEC.training, epochs: 12 } };
    const { id } = await descent.create(long);
    await descent.until(id, 'job.epoch');
    await descent.fetch(`/jobs/${id}/pause`, { method: 'POST' });
    await descent.until(id, 'job.paused');
    const { body: child } = await post(descent, `/jobs/${id}/fork`, {});
    await descent.cancel(id);
    await descent.until(child.id, 'job.epoch');
    await descent.workerOf(await descent.job(child.id)).killTree();
    await descent.startWorker();
    await descent.toEnd(child.id);
    const job = await descent.job(child.id);
    expect(job.attempts.length).toBeGreaterThan(1);
    expect(bitsOf(job)).toEqual(bitsOf(await trained(descent, { ...long, engine: 'auto' })));
    expect(await epochsOf(descent, child.id)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    // The cancelled parent has kept the checkpoint of its pause, and can be forked still.
    const late = await forked(descent, `/jobs/${id}/fork`, {});
    expect(bitsOf(late)).toEqual(bitsOf(job));
  });
});
