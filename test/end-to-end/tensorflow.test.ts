import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EngineList } from '../../src/contract/installation.ts';
import { Installation } from './installation.ts';
import { MEDIUM, SMALL } from './small-jobs.ts';

const SPEC = { ...SMALL, training: { ...SMALL.training, epochs: 1 } };

describe('a job on tensorflow', () => {
  it('is trained like any other, and its trainer takes no other job', async () => {
    const descent = await Installation.start();
    const train = async (engine: string) => {
      const { id } = await descent.create({ ...SPEC, engine });
      await descent.toEnd(id);
      const { status, engine: ran, result, error } = await descent.job(id);
      expect({ status, ran, error }).toEqual({ status: 'succeeded', ran: engine, error: null });
      return result!;
    };
    const reference = await train('reference');
    const [first] = descent.trainers();
    const tensorflow = await train('tensorflow');
    expect(tensorflow.train.loss).toBeCloseTo(reference.train.loss, 2);
    expect(tensorflow.test.loss).toBeCloseTo(reference.test.loss, 2);
    // The record shows the end a moment before the process exits.
    await expect.poll(() => descent.trainers()).not.toContainEqual(first);
    expect(await train('reference')).toMatchObject({ weights_sha256: reference.weights_sha256 });
    expect(descent.trainers()).toHaveLength(1);
  });

  it('continues from its checkpoint after its trainer was killed, to the same bits', async () => {
    const descent = await Installation.start();
    const spec = {
      ...MEDIUM,
      engine: 'tensorflow',
      training: { ...MEDIUM.training, epochs: 5 },
      // One at the end of each epoch, however soon it comes.
      checkpoints: { keep: 'all' },
    };
    const unbroken = await descent.create(spec);
    await descent.toEnd(unbroken.id);
    const { id } = await descent.create(spec);
    let killed = 0;
    for await (const event of descent.watch(id)) {
      if (event.type !== 'job.epoch' || killed > 0) continue;
      const checkpoint = `1-${event.data.epoch}.ckpt`;
      if (existsSync(join(descent.dataDir, 'jobs', id, checkpoint))) killed = descent.killTrainers();
    }
    expect(killed).toBe(1);
    const { attempts, result } = await descent.job(id);
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['trainer_crashed', 'succeeded']);
    expect(attempts[1].from_epoch).toBeGreaterThan(0);
    const { weights_sha256, metrics_sha256 } = (await descent.job(unbroken.id)).result!;
    expect(result).toMatchObject({ weights_sha256, metrics_sha256 });
  }, 400_000);

  it('is refused if no installation could train it', async () => {
    const descent = await Installation.start({ workers: 0 });
    const response = await descent.post({
      engine: 'tensorflow',
      optimizer: { type: 'rmsprop', centered: true },
    });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ errors: [{ pointer: '/optimizer/centered' }] });
  });
});

describe('GET /engines', () => {
  it('shows what tensorflow runs on, and why on nothing faster', async () => {
    const descent = await Installation.start();
    const engines = async () =>
      ((await (await descent.fetch('/engines')).json()) as EngineList).data.find(
        ({ name }) => name === 'tensorflow',
      );
    await expect.poll(engines).toMatchObject({ available: true, version: '4.22.0' });
    const { backend, reason } = (await engines())!;
    if (reason === null) expect(backend).toContain('@tensorflow/tfjs-node');
    else expect([backend, reason].join()).toMatch(/WASM.*@tensorflow\/tfjs-node/);
  });
});
