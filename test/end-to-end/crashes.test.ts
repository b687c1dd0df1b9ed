import { createHash } from 'node:crypto';
import { open, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import type { Job } from '../../src/contract/job.ts';
import type { JobEvent } from '../../src/contract/job-event.ts';
import { preparedName } from '../../src/dataset/prepared.ts';
import { DATASETS } from '../../src/dataset/registry.ts';
import { signalAll } from '../support/processes.ts';
import { Installation } from './installation.ts';
import { MEDIUM, SMALL } from './small-jobs.ts';

const noRedis = inject('redisBinary') === null;

/** Uniform in 0..below-1, determined by seed and use. */
function drawn(seed: number, use: string, below: number): number {
  return createHash('sha256').update(`${seed} ${use}`).digest().readUInt32LE(0) % below;
}

/** The stream of a job that succeeded has no gap, each epoch once, and one end. */
function expectWhole(events: JobEvent[], job: Job): void {
  expect(events.map(({ seq }) => seq)).toEqual(events.map((_, i) => i + 1));
  const epochs = events.flatMap((event) => (event.type === 'job.epoch' ? [event.data.epoch] : []));
  expect(epochs).toEqual(Array.from({ length: job.spec.training.epochs }, (_, i) => i + 1));
  expect(events.filter(({ type }) => /succeeded|failed|cancelled/.test(type))).toHaveLength(1);
  expect(job.status).toBe('succeeded');
}

async function unbroken(descent: Installation, spec: object): Promise<Job> {
  const { id } = await descent.create(spec);
  await descent.toEnd(id);
  return await descent.job(id);
}

/** What MEDIUM comes to, on the fastest engine. */
const wholeMedium = (descent: Installation) => unbroken(descent, { ...MEDIUM, engine: 'auto' });

describe('kill -9 of the worker with its trainer', () => {
  it('at a random message, 2 seeds: another worker continues to the same bits, with each epoch sent once', async () => {
    const descent = await Installation.start({ leaseMs: 2_000 });
    const whole = await wholeMedium(descent);
    await descent.startWorker();
    const resumedFrom: number[] = [];

    for (let seed = 1; seed <= 2; seed++) {
      const { id } = await descent.create(MEDIUM);
      const killAt = 2 + drawn(seed, 'kill', MEDIUM.training.epochs);
      let killed = false;
      const events: JobEvent[] = [];
      for await (const event of descent.watch(id)) {
        events.push(event);
        if (killed || event.seq < killAt) continue;
        killed = true;
        await descent.workerOf(await descent.job(id)).killTree();
        await descent.startWorker();
      }
      const job = await descent.job(id);
      expect(killed, `seed ${seed}`).toBe(true);
      expectWhole(events, job);
      expect(job.result!.weights_sha256, `seed ${seed}`).toBe(whole.result!.weights_sha256);
      expect(job.result!.metrics_sha256, `seed ${seed}`).toBe(whole.result!.metrics_sha256);
      if (job.attempts.length > 1) {
        // A machine too busy to renew a short lease may have lost it before.
        expect(job.attempts.map(({ outcome }) => outcome)).toContain('worker_lost');
        const gap = Date.parse(job.attempts[1].started_at) - Date.parse(job.attempts[0].started_at);
        expect(gap).toBeLessThan(30_000);
        resumedFrom.push(job.attempts[1].from_epoch);
      }
    }
    expect(resumedFrom.length).toBeGreaterThan(0);
  }, 400_000);
});

describe('a worker that is suspended for longer than its lease', () => {
  it('leaves the job to the worker that ended it, and none of its own files in the folder', async () => {
    const descent = await Installation.start({ leaseMs: 2_000 });
    const { id } = await descent.create(MEDIUM);
    await descent.until(id, 'job.epoch');
    const stopped = [descent.workerOf(await descent.job(id)), ...descent.trainers()];
    signalAll(stopped, 'SIGSTOP');
    await descent.startWorker();
    const events = await descent.toEnd(id);
    expectWhole(events, await descent.job(id));
    expect(events.filter(({ type }) => type === 'job.running').length).toBeGreaterThan(1);
    const folder = join(descent.dataDir, 'jobs', id);
    // Evaluation, model, log, and the checkpoint that the job keeps.
    await expect.poll(() => readdir(folder)).toHaveLength(4);
    const files = await readdir(folder);
    // The trainer may have been about to rename it.
    await writeFile(join(folder, '1-8.ckpt'), '');
    signalAll(stopped, 'SIGCONT');
    await expect.poll(() => readdir(folder), { timeout: 60_000 }).toEqual(files);
  });
});

describe("a dataset's prepared file that went bad on the disk", () => {
  it('is prepared again, and the job continues to the same bits', async () => {
    const descent = await Installation.start();
    const whole = await unbroken(descent, SMALL);
    const file = await open(
      join(descent.dataDir, 'datasets', preparedName(DATASETS.mnist_sample.shape)),
      'r+',
    );
    // A test image, which is read only after the training.
    await file.write(Buffer.of(77), 0, 1, (await file.stat()).size - 1);
    await file.close();
    const { id } = await descent.create(SMALL);
    const events = await descent.toEnd(id);
    const job = await descent.job(id);
    expectWhole(events, job);
    expect(job.result!.weights_sha256).toBe(whole.result!.weights_sha256);
    expect(job.result!.test).toEqual(whole.result!.test);
    expect(job.attempts[0]).toMatchObject({ outcome: 'trainer_crashed' });
    expect(job.attempts[1].reason).toMatch(/a file was damaged .*and has been removed/);
  });
});

describe('kill -9 of the trainer', () => {
  it('is reported as a crash, and the job continues to the same bits', async () => {
    const descent = await Installation.start();
    // It outlasts the way from its start to the kill, also on a slow machine.
    const longer = { ...SMALL, training: { ...SMALL.training, epochs: 100 } };
    const whole = await unbroken(descent, longer);
    const { id } = await descent.create(longer);
    await descent.until(id, 'job.running');
    expect(descent.killTrainers()).toBeGreaterThan(0);
    const events = await descent.toEnd(id);
    const job = await descent.job(id);
    expectWhole(events, job);
    expect(job.result!.weights_sha256).toBe(whole.result!.weights_sha256);
    expect(job.attempts[0]).toMatchObject({ outcome: 'trainer_crashed' });
    expect(job.attempts[1].reason).toContain('SIGKILL');
  });

  it('three times in a row fails the job', async () => {
    const descent = await Installation.start();
    const { id } = await descent.create({ dataset: 'mnist', training: { batch_size: 1 } });
    let kills = 0;
    for await (const event of descent.watch(id)) {
      if (event.type !== 'job.running') continue;
      kills++;
      await expect.poll(() => descent.killTrainers(), { timeout: 60_000 }).toBeGreaterThan(0);
    }
    expect(kills).toBe(3);
    const job = await descent.job(id);
    expect(job).toMatchObject({ status: 'failed', error: { code: 'trainer_crashed', retryable: true } });
    // The worker still works.
    expect((await unbroken(descent, SMALL)).status).toBe('succeeded');
  });
});

describe('kill -9 of the API', () => {
  it('costs viewers nothing: the stream continues elsewhere without a gap', async () => {
    const descent = await Installation.start({ workers: 1 });
    const api = descent.startedWith(descent.apiPid);
    const { id } = await descent.create(MEDIUM);
    const events: JobEvent[] = [];
    let killed = false;
    for await (const event of descent.watch(id)) {
      events.push(event);
      if (!killed && event.type === 'job.epoch') {
        killed = true;
        await api.killTree();
        await descent.startApi();
      }
    }
    const job = await descent.job(id);
    expectWhole(events, job);
    expect(job.attempts).toHaveLength(1);
  });

  it('loses no job that got a 202, and a replay gets the same answer', async () => {
    const descent = await Installation.start({ workers: 0 });
    const api = descent.startedWith(descent.apiPid);
    const headers = { 'idempotency-key': 'once' };
    const first = await descent.post(SMALL, headers);
    const answer = await first.text();
    await api.killTree();
    await descent.startApi();
    const second = await descent.post(SMALL, headers);
    expect(await second.text()).toBe(answer);
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    expect(second.headers.get('location')).toBe(first.headers.get('location'));
    await descent.startWorker();
    await descent.toEnd(JSON.parse(answer).id);
    const { data } = (await (await descent.fetch('/jobs')).json()) as { data: Job[] };
    expect(data.map(({ status }) => status)).toEqual(['succeeded']);
  });
});

describe.skipIf(noRedis)(
  'kill -9 of Redis (needs redis-server or valkey-server, whose data survives)',
  () => {
    it('in mid-job: API and worker continue when it is back, with the same bits and no gap', async () => {
      const descent = await Installation.start({ ownRedis: true, leaseMs: 3_000 });
      const whole = await wholeMedium(descent);
      const { id } = await descent.create(MEDIUM);
      const events: JobEvent[] = [];
      let killed = false;
      for await (const event of descent.watch(id)) {
        events.push(event);
        if (!killed && event.type === 'job.epoch') {
          killed = true;
          await descent.redis!.killTree();
          const refused = await descent.post(SMALL);
          expect(refused.status).toBe(503);
          expect(refused.headers.get('retry-after')).not.toBeNull();
          await descent.startRedis();
        }
      }
      const job = await descent.job(id);
      expectWhole(events, job);
      expect(job.result!.weights_sha256).toBe(whole.result!.weights_sha256);
      expect((await unbroken(descent, SMALL)).status).toBe('succeeded');
    });

    it('keeps an Idempotency-Key across its restart', async () => {
      const descent = await Installation.start({ ownRedis: true, workers: 0 });
      const headers = { 'idempotency-key': '"quoted"' };
      const answer = await (await descent.post(SMALL, headers)).text();
      await descent.redis!.stop();
      await descent.startRedis();
      await expect
        .poll(async () => (await descent.fetch('/readyz?exclude=workers')).status, { timeout: 30_000 })
        .toBe(200);
      expect(await (await descent.post(SMALL, headers)).text()).toBe(answer);
    });
  },
);

describe('SIGTERM of the worker', () => {
  it('drains: the job continues elsewhere from its last epoch, and no fault is counted', async () => {
    const descent = await Installation.start({ workers: 1 });
    // Epochs so short that one ends within the drain time on any machine.
    const spec = {
      dataset: 'mnist_sample',
      model: { hidden_units: [32] },
      training: { epochs: 150, batch_size: 256 },
    };
    const whole = await unbroken(descent, spec);
    const { id } = await descent.create(spec);
    await descent.until(id, 'job.epoch');
    expect(await descent.workerOf(await descent.job(id)).stop('SIGTERM')).toBe(0);

    const waiting = await descent.job(id);
    expect(waiting.status).toBe('queued');
    expect(waiting.attempts[0]).toMatchObject({ outcome: 'drained' });
    await descent.startWorker();
    const events = await descent.toEnd(id);
    const job = await descent.job(id);
    expectWhole(events, job);
    expect(job.attempts[1].from_epoch).toBe(waiting.progress.epoch);
    expect(job.result!.weights_sha256).toBe(whole.result!.weights_sha256);
    expect(events.find(({ seq, type }) => type === 'job.queued' && seq > 1)!.data).toEqual({
      reason: 'drained',
    });
  });

  it('does not wait for an epoch that exceeds the drain time', async () => {
    const descent = await Installation.start();
    const { id } = await descent.create({
      dataset: 'mnist',
      engine: 'reference',
      training: { batch_size: 1 },
    });
    await descent.until(id, 'job.progress');
    expect(await descent.workerOf(await descent.job(id)).stop('SIGTERM')).toBe(0);
    expect(await descent.job(id)).toMatchObject({ status: 'queued', attempts: [{ outcome: 'drained' }] });
  });
});
