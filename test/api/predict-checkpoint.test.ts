import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { JobSpecSchema } from '../../src/contract/job-spec.ts';
import type { ClassPredictions } from '../../src/contract/prediction.ts';
import { openDataset } from '../../src/dataset/prepared.ts';
import { DATASETS } from '../../src/dataset/registry.ts';
import type { PredictTask } from '../../src/serving/model-task.ts';
import { ModelThreads } from '../../src/serving/model-threads.ts';
import type { CheckpointFile } from '../../src/store/job-record.ts';
import { type Checkpoint, encodeCheckpoint } from '../../src/training/checkpoint.ts';
import { weightsSha256 } from '../../src/training/hashes.ts';
import { encodeModel } from '../../src/training/model-file.ts';
import { epochReport, FAILURE, successOf } from '../store/open-store.ts';
import { imagesOf, runJob } from '../training/small-job.ts';
import { expectProblem, openApi } from './open-api.ts';

const EPOCHS = 4;
const GIVEN = { dataset: 'mnist_sample', model: { hidden_units: [8] }, engine: 'wasm' };
const specOf = (epochs: number) => ({ ...GIVEN, training: { epochs } });
const spec = JobSpecSchema.parse(specOf(EPOCHS));
const data = DATASETS.mnist_sample.shape;

/**
 * 784 x 8 + 8 + 8 x 10 + 10 parameters, three times for rmsprop's slot and the best weights, as float32, in six copies:
 * room for one request.
 */
const ROOM = 6370 * 3 * 4 * 6;

/** The API's own threads; before each read, a test may do to the job what its worker does. */
class WatchedThreads extends ModelThreads {
  readonly asked: string[] = [];
  onRead: () => Promise<unknown> = async () => {};

  override async predict(task: PredictTask) {
    this.asked.push(task.model.file.name);
    await this.onRead();
    return await super.predict(task);
  }

  forget(): void {
    this.asked.length = 0;
    this.onRead = async () => {};
  }
}

const models = new WatchedThreads();
afterAll(() => models.close());
const api = openApi({ models, modelBytes: ROOM });

/** Of the job, after each epoch. */
let checkpoints: Checkpoint[];
/** By the number of epochs: what a job of so many epochs predicts in the end. */
const final: { weights: Float32Array; probabilities: number[] }[] = [];
let images: Uint8Array;
let model: Uint8Array;

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'descent-'));
  const dataset = await openDataset(data, folder);
  images = imagesOf(dataset.test, 50);
  const whole = runJob(spec, dataset);
  ({ checkpoints } = whole);
  model = encodeModel(whole.engine.state(), new Uint16Array(data.rows.test), { spec, data });
  for (let epochs = 1; epochs <= EPOCHS; epochs += 1) {
    const { engine } = runJob(JobSpecSchema.parse(specOf(epochs)), dataset);
    const { outputs } = engine.predict(images, new Uint16Array(50), 0, 50);
    final[epochs] = { weights: engine.state().weights, probabilities: [...outputs] };
  }
  dataset.close();
  rmSync(folder, { recursive: true });
});

const ask = async (id: string, query = '?checkpoint=latest') => {
  models.forget();
  return await send(id, query);
};

const send = (id: string, query = '?checkpoint=latest') =>
  api.request({
    method: 'POST',
    url: `/jobs/${id}/predict${query}`,
    headers: { 'content-type': 'application/octet-stream' },
    payload: Buffer.from(images),
  });

let jobs = 0;

/** A job as its worker leaves it while it trains. */
class Training {
  readonly id: string;
  readonly token: string;
  readonly #seconds = ++jobs;
  readonly #named: CheckpointFile[] = [];
  readonly #keeps: readonly number[];

  /** keeps: the epochs whose checkpoints stay. */
  constructor({ id, token }: { id: string; token: string }, keeps: readonly number[] = []) {
    this.id = id;
    this.token = token;
    this.#keeps = keeps;
  }

  static async start(keeps?: readonly number[]): Promise<Training> {
    return new Training(await api.running(spec), keeps);
  }

  /** Writes a checkpoint after the next epoch, and removes the one before the last. */
  async epoch(bytesOf = (checkpoint: Checkpoint) => encodeCheckpoint(checkpoint, { spec, data })) {
    const { history, ...rest } = checkpoints[this.#named.length]!;
    const { epoch } = rest;
    // No two jobs take the same time, so no two have the same checkpoint.
    const timed = history.map((row) => ({ ...row, duration_seconds: this.#seconds }));
    const checkpoint = { ...rest, history: timed };
    const file = await api.artifacts.write(this.id, `1-${epoch}.ckpt`, bytesOf(checkpoint));
    this.#named.unshift({ ...file, epoch });
    const { metrics, progress } = epochReport(epoch);
    await api.transitions.epoch(this.id, this.token, {
      metrics,
      progress: { ...progress, epochs: EPOCHS, fraction: epoch / EPOCHS },
      checkpoints: this.#named.slice(0, 2),
      kept: this.#kept(),
    });
    const old = this.#named[2];
    if (old !== undefined && !this.#keeps.includes(old.epoch))
      await api.artifacts.removeFile(this.id, old.name);
  }

  async succeed(): Promise<void> {
    const file = await api.artifacts.write(this.id, '1-model.bin', model);
    const kept = this.#kept();
    const how = successOf(this.#named.length);
    const result = { ...how.result, weights_sha256: weightsSha256(final[EPOCHS]!.weights) };
    await api.transitions.finish(this.id, this.token, { ...how, result, model: file, kept });
    await api.artifacts.keepOnly(
      this.id,
      [file, ...kept].map(({ name }) => name),
    );
  }

  async fail(): Promise<void> {
    await api.transitions.finish(this.id, this.token, FAILURE);
    await api.artifacts.keepOnly(
      this.id,
      this.#kept().map(({ name }) => name),
    );
  }

  #kept() {
    const files = this.#named.filter(({ epoch }) => this.#keeps.includes(epoch)).reverse();
    return files.map((file) => ({ ...file, bytes: 1 }));
  }
}

const toEpoch = async (epochs: number, keeps?: readonly number[]): Promise<Training> => {
  const job = await Training.start(keeps);
  for (let k = 0; k < epochs; k += 1) await job.epoch();
  return job;
};

function expectModel(response: Awaited<ReturnType<typeof ask>>, epoch: number): void {
  expect(response.statusCode, response.body.slice(0, 300)).toBe(200);
  const answer = response.json<ClassPredictions>();
  const { weights, probabilities } = final[epoch]!;
  expect([answer.epoch, answer.weights_sha256]).toEqual([epoch, weightsSha256(weights)]);
  expect(answer.data.flatMap((row) => row.probabilities)).toEqual(probabilities);
}

describe('checkpoint=latest', () => {
  it('has the bits of a job of so many epochs, at each checkpoint and at the end', async () => {
    expect(new Set(final.slice(1).map(({ probabilities }) => probabilities.join())).size).toBe(EPOCHS);
    const job = await Training.start();
    for (let epoch = 1; epoch < EPOCHS; epoch += 1) {
      await job.epoch();
      expectModel(await ask(job.id), epoch);
    }
    expectProblem(await ask(job.id, ''), 404, 'not_available_yet');
    await job.epoch();
    await job.succeed();
    expectModel(await ask(job.id), EPOCHS);
    expectModel(await ask(job.id, ''), EPOCHS);
    expect(models.asked).toEqual(['1-model.bin']);
  });

  it('answers while the job is being cancelled, and when it is back in the queue', async () => {
    const [cancelling, queued] = [await toEpoch(2), await toEpoch(1)];
    await api.request({ method: 'POST', url: `/jobs/${cancelling.id}/cancel` });
    expectModel(await ask(cancelling.id), 2);
    const { token } = queued;
    const delivery = (await api.store.record(queued.id))!.delivery!;
    const how = { token, delivery, outcome: 'drained', reason: 'its worker was stopped', error: undefined };
    await api.transitions.requeue(queued.id, how as Parameters<typeof api.transitions.requeue>[1]);
    expect((await api.store.record(queued.id))!.status).toBe('queued');
    expectModel(await ask(queued.id), 1);
  });

  it('before the first checkpoint is a 409 that says what to do', async () => {
    const problem = expectProblem(await ask((await toEpoch(0)).id), 409, 'no_checkpoint');
    expect(problem.detail).toContain('has no checkpoint yet');
    expect(problem.detail).toContain('Retry then');
    expectProblem(await ask((await api.create(spec)).id), 409, 'no_checkpoint');
    expect(models.asked).toEqual([]);
  });

  it('of a job that has failed is a 404, as its checkpoints are gone', async () => {
    const job = await toEpoch(1);
    await job.fail();
    expectProblem(await ask(job.id), 404, 'not_found');
  });

  it.each(['newest', '0', '-1', '1001', '1.5', '1e1'])('takes no other value: %s', async (value) => {
    const refused = await ask((await toEpoch(1)).id, `?checkpoint=${value}`);
    const { detail } = expectProblem(refused, 422, 'validation_failed');
    expect(detail).toMatch(/latest.*1 to 1000/);
  });
});

describe('checkpoint=<epoch>', () => {
  it('has the bits of a job of so many epochs, of each checkpoint that a finished job keeps', async () => {
    const job = await toEpoch(EPOCHS, [1, 3, 4]);
    await job.succeed();
    for (const epoch of [3, 1, 4]) expectModel(await ask(job.id, `?checkpoint=${epoch}`), epoch);
    const [last, model] = [await ask(job.id, `?checkpoint=${EPOCHS}`), await ask(job.id, '')];
    expect(last.body).toBe(model.body);
    const { detail } = expectProblem(await ask(job.id, '?checkpoint=2'), 409, 'no_checkpoint');
    expect(detail).toBe('The job has no checkpoint of epoch 2. It has: 1, 3, 4.');
    expect(models.asked).toEqual([]);
  });

  it('of a job that trains is one that it keeps, or would resume from', async () => {
    const job = await toEpoch(EPOCHS, [1]);
    for (const epoch of [1, 3, 4]) expectModel(await ask(job.id, `?checkpoint=${epoch}`), epoch);
    const { detail } = expectProblem(await ask(job.id, '?checkpoint=2'), 409, 'no_checkpoint');
    expect(detail).toContain('It has: 1, 3, 4.');
  });

  it('answers also of a job that has failed', async () => {
    const job = await toEpoch(2, [2]);
    await job.fail();
    expectModel(await ask(job.id, '?checkpoint=2'), 2);
    expectProblem(await ask(job.id), 404, 'not_found');
    const none = await toEpoch(1);
    await none.fail();
    const { detail } = expectProblem(await ask(none.id, '?checkpoint=1'), 409, 'no_checkpoint');
    expect(detail).toContain('The job is failed and has no checkpoint.');
  });

  it('that cannot be read is a 409, and that of a job deleted meanwhile a 404', async () => {
    const job = await toEpoch(2, [1, 2]);
    await job.fail();
    await api.artifacts.write(job.id, '1-2.ckpt', Buffer.from('half a fi'));
    const { detail } = expectProblem(await ask(job.id, '?checkpoint=2'), 409, 'no_checkpoint');
    expect(detail).toContain('The checkpoint of epoch 2 is missing or damaged');
    expectModel(await ask(job.id, '?checkpoint=1'), 1);
    const gone = await toEpoch(2, [2]);
    await gone.fail();
    models.forget();
    models.onRead = () => api.request({ method: 'DELETE', url: `/jobs/${gone.id}` });
    expectProblem(await send(gone.id, '?checkpoint=2'), 404, 'job_not_found');
  });

  it('that was replaced meanwhile says which there are now', async () => {
    const job = await toEpoch(1);
    models.forget();
    models.onRead = async () => {
      models.onRead = async () => {};
      for (let k = 0; k < 3; k += 1) await job.epoch();
    };
    const { detail } = expectProblem(await send(job.id, '?checkpoint=1'), 409, 'no_checkpoint');
    expect(detail).toContain('It has: 3, 4.');
  });

  it('has the weights of that epoch where `latest` has the best ones', async () => {
    const early_stopping = { monitor: 'val_loss', patience: 2, restore_best_weights: true };
    const restoring = JobSpecSchema.parse({
      ...GIVEN,
      training: { epochs: EPOCHS, early_stopping },
    });
    const job = new Training(await api.running(restoring));
    // The loss of the second epoch is higher, so that the first one is the best.
    const worse = (checkpoint: Checkpoint) => {
      const history = checkpoint.history.map((row) => ({ ...row, val_loss: row.epoch }));
      const bestWeights = checkpoints[0]!.state.weights;
      return encodeCheckpoint({ ...checkpoint, history, bestWeights }, { spec: restoring, data });
    };
    await job.epoch(worse);
    await job.epoch(worse);
    expectModel(await ask(job.id, '?checkpoint=2'), 2);
    const so_far = (await ask(job.id)).json<ClassPredictions>();
    expect([so_far.epoch, so_far.weights_sha256]).toEqual([2, weightsSha256(final[1]!.weights)]);
    expectModel(await ask(job.id, '?checkpoint=2'), 2);
  });
});

describe('a checkpoint that cannot be read', () => {
  const otherJob = JobSpecSchema.parse({ ...specOf(EPOCHS), training: { epochs: EPOCHS, seed: 99 } });

  it('is passed over for the one before', async () => {
    const job = await toEpoch(2);
    await api.artifacts.write(job.id, '1-2.ckpt', Buffer.from('half a fi'));
    expectModel(await ask(job.id), 1);
    expect(models.asked).toEqual(['1-2.ckpt', '1-1.ckpt']);
  });

  it.each([
    ['damaged before it was hashed', () => Buffer.from('DESCENT1 and no more')],
    ['without a byte', () => new Uint8Array()],
    [
      'of other rules or another spec',
      (each: Checkpoint) => encodeCheckpoint(each, { spec: otherJob, data }),
    ],
    ['a model', () => model],
  ])('%s is a 409, and gives its room back', async (_, bytesOf) => {
    const job = await Training.start();
    await job.epoch(bytesOf);
    await job.epoch(bytesOf);
    const problem = expectProblem(await ask(job.id), 409, 'no_checkpoint');
    expect(problem.detail).toContain('cannot be read');
    await job.epoch();
    expectModel(await ask(job.id), 3);
  });

  it('because newer ones have replaced it is followed to the newest', async () => {
    const job = await toEpoch(1);
    models.forget();
    models.onRead = async () => {
      models.onRead = async () => {};
      for (let k = 0; k < 3; k += 1) await job.epoch();
    };
    expectModel(await send(job.id), 4);
    expect(models.asked).toEqual(['1-1.ckpt', '1-4.ckpt']);
  });

  it('because the job has succeeded is followed to the final model', async () => {
    const job = await toEpoch(EPOCHS);
    models.forget();
    models.onRead = async () => {
      models.onRead = async () => {};
      await job.succeed();
    };
    expectModel(await send(job.id), EPOCHS);
    expect(models.asked).toEqual([`1-${EPOCHS}.ckpt`, '1-model.bin']);
  });

  it('is looked for three times at most, in the room of one request', async () => {
    const job = await toEpoch(1);
    models.forget();
    models.onRead = async () => {
      const other = await api.request({
        method: 'POST',
        url: `/jobs/${job.id}/predict?checkpoint=latest`,
        headers: { 'content-type': 'application/octet-stream' },
        payload: Buffer.from(images),
      });
      expectProblem(other, 503, 'overloaded');
      await api.artifacts.remove(job.id);
      await job.epoch();
      await api.artifacts.remove(job.id);
    };
    expectProblem(await send(job.id), 409, 'no_checkpoint');
    expect(models.asked).toEqual(['1-1.ckpt', '1-2.ckpt', '1-3.ckpt']);
  });

  it('is followed to the final model, however often it was looked for before', async () => {
    const job = await toEpoch(1);
    models.forget();
    models.onRead = async () => {
      await job.epoch();
      if (models.asked.length === 3) {
        models.onRead = async () => {};
        await job.succeed();
      } else {
        await api.artifacts.remove(job.id);
      }
    };
    expectModel(await send(job.id), EPOCHS);
    expect(models.asked).toEqual(['1-1.ckpt', '1-2.ckpt', '1-3.ckpt', '1-model.bin']);
  });

  it('because the job was deleted is a 404', async () => {
    const job = await toEpoch(1);
    models.forget();
    models.onRead = async () => {
      await job.fail();
      await api.request({ method: 'DELETE', url: `/jobs/${job.id}` });
    };
    expectProblem(await send(job.id), 404, 'job_not_found');
  });
});
