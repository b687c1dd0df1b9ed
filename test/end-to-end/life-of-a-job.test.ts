import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { JobSchema } from '../../src/contract/job.ts';
import { JobPlanSchema } from '../../src/contract/job-plan.ts';
import { loadEngine } from '../../src/engine/engines.ts';
import { Installation } from './installation.ts';
import { SMALL } from './small-jobs.ts';

/** For tests to which it does not matter what ran before. */
const descent = await Installation.startForFile();

describe('a job', () => {
  it('is trained to its end, and everything reported about it agrees', async () => {
    const { id } = await descent.create(SMALL);
    const events = await descent.toEnd(id);

    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
    expect(events.filter(({ type }) => type !== 'job.progress').map(({ type }) => type)).toEqual([
      'job.queued',
      'job.running',
      'job.epoch',
      'job.epoch',
      'job.epoch',
      'job.succeeded',
    ]);
    const job = await descent.job(id);
    expect(job).toMatchObject({
      status: 'succeeded',
      terminal: true,
      engine: (await loadEngine('auto')).name,
      error: null,
    });
    expect(events.at(-1)!.data).toEqual({ result: job.result });
    expect(await descent.events(id)).toEqual(events);

    const metrics = (await (await descent.fetch(`/jobs/${id}/metrics`)).json()) as { data: object[] };
    const epochs = events.filter(({ type }) => type === 'job.epoch');
    expect(metrics.data).toEqual(epochs.map(({ seq, created_at, data }) => ({ ...data, seq, created_at })));

    const evaluation = (await (await descent.fetch(`/jobs/${id}/evaluation`)).json()) as {
      accuracy: number;
      confusion_matrix: number[][];
    };
    expect(evaluation.accuracy).toBe(job.result!.test.accuracy);
    expect(evaluation.confusion_matrix.flat().reduce((sum, n) => sum + n)).toBe(1000);

    const chart = await (await descent.fetch(`/jobs/${id}/charts/loss.svg`)).text();
    expect(chart).toContain('Cost Function Graph');
    await expect
      .poll(() => readdirSync(join(descent.dataDir, 'jobs', id)).sort())
      .toEqual(['1-3.ckpt', '1-3.log', '1-evaluation.json', '1-model.bin']);

    const resumed = await descent.fetch(`/jobs/${id}/events`, {
      headers: { accept: 'text/event-stream', 'last-event-id': String(events.length) },
    });
    expect(resumed.status).toBe(204);

    expect((await descent.fetch(`/jobs/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await descent.fetch(`/jobs/${id}`)).status).toBe(404);
    expect(existsSync(join(descent.dataDir, 'jobs', id))).toBe(false);
  });

  it('that stops early succeeds, and says after which epoch', async () => {
    // With such a min_delta, only the first epoch improves.
    const early_stopping = { min_delta: 100, patience: 2 };
    const training = { ...SMALL.training, epochs: 9, early_stopping };
    const { id } = await descent.create({ ...SMALL, training });
    const events = await descent.toEnd(id);
    expect(events.filter(({ type }) => type === 'job.epoch')).toHaveLength(3);
    const job = await descent.job(id);
    expect(job).toMatchObject({ status: 'succeeded', result: { stopped_epoch: 3, best_epoch: 1 } });
    expect(job.progress).toMatchObject({ epoch: 3, epochs: 9, fraction: 1, eta_seconds: 0 });

    // The same epochs, asked for: the same model.
    const { id: plain } = await descent.create(SMALL);
    await descent.toEnd(plain);
    const { result } = await descent.job(plain);
    expect(result).not.toHaveProperty('stopped_epoch');
    expect(job.result!.weights_sha256).toBe(result!.weights_sha256);
    expect(job.result!.metrics_sha256).toBe(result!.metrics_sha256);
  });

  it('that restores its best weights hands out those, and goes on from its last ones', async () => {
    const early_stopping = { min_delta: 100, patience: 9, restore_best_weights: true };
    const training = { ...SMALL.training, epochs: 3 };
    const make = async (spec: object) => {
      const { id } = await descent.create(spec);
      await descent.toEnd(id);
      return await descent.job(id);
    };
    const restored = await make({ ...SMALL, training: { ...training, early_stopping } });
    const first = await make({ ...SMALL, training: { ...training, epochs: 1 } });
    const whole = await make({ ...SMALL, training });
    expect(restored.result).toMatchObject({ stopped_epoch: null, best_epoch: 1 });
    const { weights_sha256, test, train, validation } = first.result!;
    expect(restored.result).toMatchObject({ weights_sha256, test, train, validation });
    expect(restored.result!.metrics_sha256).toBe(whole.result!.metrics_sha256);

    const headers = { 'content-type': 'application/octet-stream' };
    const ask = async (id: string) => {
      const response = await descent.fetch(`/jobs/${id}/predict`, {
        method: 'POST',
        headers,
        body: new Uint8Array(784),
      });
      return await response.json();
    };
    expect(await ask(restored.id)).toEqual(await ask(first.id));
    const modelOf = async (id: string) =>
      Buffer.from(await (await descent.fetch(`/jobs/${id}/model?format=onnx`)).arrayBuffer());
    const [model, expected] = [await modelOf(restored.id), await modelOf(first.id)];
    expect(model.includes(expected.subarray(-4000, -500))).toBe(true);

    const json = { 'content-type': 'application/json' };
    const body = JSON.stringify({ epochs: 5 });
    const extension = await descent.fetch(`/jobs/${restored.id}/extend`, {
      method: 'POST',
      headers: json,
      body,
    });
    const { id } = (await extension.json()) as { id: string };
    await descent.toEnd(id);
    const atOnce = await make({ ...SMALL, training: { ...training, epochs: 5, early_stopping } });
    const { result } = await descent.job(id);
    expect(result).toMatchObject({ best_epoch: 1, weights_sha256 });
    expect(result!.metrics_sha256).toBe(atOnce.result!.metrics_sha256);
  });

  it('has the same bits for the same seed, and others for another', async () => {
    const descent = await Installation.start({ concurrency: 2 });
    const seeds = [7, 7, 8];
    const jobs = await Promise.all(
      seeds.map((seed) => descent.create({ ...SMALL, training: { ...SMALL.training, seed } })),
    );
    await Promise.all(jobs.map(({ id }) => descent.toEnd(id)));
    const [first, second, other] = await Promise.all(
      jobs.map(async ({ id }) => (await descent.job(id)).result!),
    );
    expect(second!.weights_sha256).toBe(first!.weights_sha256);
    expect(second!.metrics_sha256).toBe(first!.metrics_sha256);
    expect(other!.weights_sha256).not.toBe(first!.weights_sha256);
  });

  it('is answered when it has ended, if the client waits, and its time helps to estimate the next', async () => {
    const descent = await Installation.start();
    const first = await descent.post(SMALL, { prefer: 'wait=50' });
    const job = JobSchema.parse(await first.json());
    expect([first.status, job.status]).toEqual([200, 'succeeded']);
    expect(job.estimated_seconds).toBeNull();
    const headers = { 'content-type': 'application/json' };
    const plan = async () => {
      const body = JSON.stringify(SMALL);
      const response = await descent.fetch('/jobs/validate', { method: 'POST', headers, body });
      return JobPlanSchema.parse(await response.json());
    };
    // The worker notes the time after the end, and an API looks every 2 s.
    await expect.poll(async () => (await plan()).measured_jobs).toBe(1);
    const { estimated_seconds, engine, starts_in_seconds } = await plan();
    expect([engine, starts_in_seconds]).toEqual([job.engine, 0]);
    // The worker's clock ran for a part of the time that Redis saw.
    expect(estimated_seconds).toBeGreaterThan(0);
    expect(estimated_seconds).toBeLessThan(job.result!.duration_seconds + 0.01);
    expect((await descent.create(SMALL)).estimated_seconds).toBe(estimated_seconds);
  });

  it('that diverges reports where, and is not tried again', async () => {
    const { id } = await descent.create({
      dataset: 'mnist_sample',
      model: { hidden_units: [32, 32, 32, 32, 32, 32] },
      optimizer: { type: 'sgd', learning_rate: 10 },
    });
    await descent.toEnd(id);
    const job = await descent.job(id);
    expect(job).toMatchObject({ status: 'failed', error: { code: 'diverged', retryable: false } });
    expect(job.error!.message).toContain('epoch 1, at step 5');
    expect(job.attempts).toHaveLength(1);
  });

  it('that exceeds its time limit fails', async () => {
    const endless = { ...SMALL, engine: 'reference', training: { epochs: 1000 }, limits: { max_seconds: 1 } };
    const { id } = await descent.create(endless);
    await descent.toEnd(id);
    expect(await descent.job(id)).toMatchObject({ status: 'failed', error: { code: 'timeout' } });
  });
});

describe('cancel', () => {
  const ENDLESS = {
    ...SMALL,
    engine: 'reference',
    training: { epochs: 1000 },
    checkpoints: { keep: 'none' },
  };

  it('stops a running job, from an API process that never saw it', async () => {
    const { id } = await descent.create(ENDLESS);
    await descent.until(id, 'job.epoch');
    await descent.startAnotherApi();
    expect((await descent.cancel(id)).status).toBe(202);
    // An epoch that was computed before the trainer received the cancel is still sent.
    const events = (await descent.toEnd(id)).filter(({ type }) => !/epoch|progress/.test(type));
    expect(events.slice(-2).map(({ type }) => type)).toEqual(['job.cancelling', 'job.cancelled']);
    const took = Date.parse(events.at(-1)!.created_at) - Date.parse(events.at(-2)!.created_at);
    expect(took).toBeLessThan(2_000);
    expect((await descent.cancel(id)).status).toBe(202);
    // The files are removed after the end is recorded, but for the log.
    const folder = join(descent.dataDir, 'jobs', id);
    const files = () => (existsSync(folder) ? readdirSync(folder) : []);
    await expect.poll(() => files().filter((name) => !name.endsWith('.log'))).toEqual([]);
    // The worker is free again.
    await descent.toEnd((await descent.create(SMALL)).id);
  });

  it('keeps a queued job from ever starting', async () => {
    const running = await descent.create(ENDLESS);
    await descent.until(running.id, 'job.running');
    const queued = await descent.create(SMALL);
    expect(queued.queue_position).toBe(1);
    await descent.cancel(queued.id);
    await descent.cancel(running.id);
    await descent.toEnd((await descent.create(SMALL)).id);
    expect((await descent.events(queued.id)).map(({ type }) => type)).toEqual([
      'job.queued',
      'job.cancelled',
    ]);
  });
});
