import { describe, expect, it, onTestFinished, vi } from 'vitest';
// The compiled module, which starts the compiled trainer as in production.
// @ts-expect-error it has no declarations
import * as compiled from '../../dist/workers/trainer-process.js';
import { JobSpecSchema } from '../../src/contract/job-spec.ts';
import { DATASETS } from '../../src/dataset/registry.ts';
import { FolderArtifacts } from '../../src/store/folder-artifacts.ts';
import type { TrainCommand, TrainerMessage } from '../../workers/trainer-message.ts';
import type * as Sources from '../../workers/trainer-process.ts';
import { newJobId } from '../store/open-store.ts';
import { makeTemporaryFolder } from '../support/temporary-folder.ts';

const { TrainerPool } = compiled as typeof Sources;

const log = { info() {}, warn() {}, error() {} };

const commandIn = (dataDir: string, changes: object): TrainCommand => ({
  type: 'train',
  job: newJobId(),
  attempt: 1,
  data: DATASETS.mnist_sample.shape,
  spec: JobSpecSchema.parse({
    dataset: 'mnist_sample',
    model: { hidden_units: [8] },
    training: { epochs: 4, batch_size: 64, ...changes },
  }),
  engine: 'reference',
  dataDir,
  artifacts: FolderArtifacts.in(dataDir).location,
  recorded: 0,
  checkpoints: [],
});

const SLOW = { dataset: 'mnist_sample', model: { hidden_units: [192] } };

async function openPool(silenceMs?: number) {
  const dataDir = await makeTemporaryFolder();
  const command = (changes: object = {}) => commandIn(dataDir, changes);
  const pool = new TrainerPool(log, silenceMs);
  const trainer = await pool.take();
  onTestFinished(async () => {
    pool.close();
    trainer.kill();
    await trainer.exited;
  });
  const next = async (): Promise<TrainerMessage> => {
    const message = await trainer.next();
    if (message.type === 'exited') throw new Error(`the trainer ended: ${message.how}`);
    return message.type === 'ready' || message.type === 'progress' ? await next() : message;
  };
  return { pool, trainer, next, command };
}

describe('a trainer', () => {
  it('computes at most one epoch ahead of the last one confirmed', async () => {
    const { trainer, next, command } = await openPool();
    trainer.train(command());
    expect(await next()).toMatchObject({ type: 'epoch', metrics: { epoch: 1 } });
    trainer.send({ type: 'confirmed', epoch: 1 });
    expect(await next()).toMatchObject({ type: 'epoch', metrics: { epoch: 2 } });
    // Epoch 2 is not confirmed, so epoch 3 is not sent, and the next message is the answer to stop.
    trainer.send({ type: 'stop' });
    expect(await next()).toEqual({ type: 'stopped' });
  });

  it('takes the next job after one that ended cleanly, with the same bits as a fresh one', async () => {
    const { pool, trainer, next, command } = await openPool();
    const finish = async () => {
      for (;;) {
        const message = await next();
        if (message.type === 'epoch') trainer.send({ type: 'confirmed', epoch: message.metrics.epoch });
        else return message;
      }
    };
    trainer.train(command());
    const first = await finish();
    pool.giveBack(trainer);
    expect(await pool.take()).toBe(trainer);
    trainer.train(command());
    const second = await finish();
    expect(first.type).toBe('finished');
    const hash = (message: TrainerMessage) => message.type === 'finished' && message.result.weights_sha256;
    expect(hash(second)).toBe(hash(first));
  });

  it('that drains stops at the end of the next epoch, with a checkpoint', async () => {
    const { trainer, next, command } = await openPool();
    trainer.train(command({ epochs: 1000 }));
    await next();
    trainer.send({ type: 'drain' });
    trainer.send({ type: 'confirmed', epoch: 1 });
    expect(await next()).toMatchObject({ type: 'epoch', metrics: { epoch: 2 }, checkpoint: { epoch: 2 } });
    expect(await next()).toEqual({ type: 'stopped' });
  });

  it('that is killed is gone for the pool', async () => {
    const { pool, trainer } = await openPool();
    pool.giveBack(trainer);
    trainer.kill();
    // At once, not only after its exit.
    const other = await pool.take();
    expect(other).not.toBe(trainer);
    expect((await trainer.exited).how).toContain('SIGKILL');
    other.kill();
    await other.exited;
  });

  it('that is stopped is killed, and one that is busy with a step for longer than that lives', async () => {
    const { pool, trainer, next, command } = await openPool(1_000);
    const stopped = await pool.take();
    process.kill(stopped.pid!, 'SIGSTOP');
    expect((await stopped.exited).how).toContain('it gave no sign of life for 1 s and was killed');
    // One step on all rows in plain TypeScript blocks the main thread, for several seconds on a fast machine, too.
    const model = { hidden_units: [1024] };
    const training = { epochs: 1, batch_size: 4096, validation_split: 0.3 };
    trainer.train({ ...command(), spec: JobSpecSchema.parse({ ...SLOW, model, training }) });
    const message = await next();
    expect(message).toMatchObject({ type: 'epoch' });
    if (message.type === 'epoch') expect(message.metrics.duration_seconds).toBeGreaterThan(2);
    expect(trainer.alive).toBe(true);
  });

  it('that ended while it was idle is given to no job, also before its end is known', async () => {
    const { pool, trainer } = await openPool();
    pool.giveBack(trainer);
    process.kill(trainer.pid!, 'SIGKILL');
    expect(trainer.alive).toBe(true);
    const next = await pool.take();
    onTestFinished(() => next.kill());
    expect(next.pid).not.toBe(trainer.pid);
    expect(await next.answers()).toBe(true);
    pool.giveBack(next);
    expect(await pool.take()).toBe(next);
  });

  it('that does not load counts as no job’s fault, and is reported as such', async () => {
    const pool = new TrainerPool(log);
    vi.stubEnv('NODE_OPTIONS', '--no-such-option');
    onTestFinished(() => void vi.unstubAllEnvs());
    await expect(pool.take()).rejects.toMatchObject({
      name: 'NoTrainerError',
      message: expect.stringContaining('--no-such-option is not allowed'),
    });
  });
});
