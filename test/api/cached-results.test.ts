import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bestOf } from '../../src/contract/best.ts';
import type { Job } from '../../src/contract/job.ts';
import { JobSpecSchema } from '../../src/contract/job-spec.ts';
import { resolveDataset } from '../../src/dataset/registry.ts';
import { resultKey } from '../../src/training/result-key.ts';
import { epochReport, SUCCESS, successOf } from '../store/open-store.ts';
import { expectProblem, openApi } from './open-api.ts';

const api = openApi();

let seed = 0;

/** A spec that no other test has trained. */
const newSpec = () => ({ dataset: 'mnist_sample', training: { epochs: 2, seed: ++seed } });

const filesOf = (id: string) => readdirSync(join(api.artifacts.location.folder, id)).sort();

/** A job with this spec that has succeeded, as by a worker. */
async function trained(spec: object): Promise<Job> {
  const { id, token } = await api.running({ ...spec, cache: false });
  for (const epoch of [1, 2]) await api.transitions.epoch(id, token, epochReport(epoch));
  const [evaluation, model, log, checkpoint] = await Promise.all(
    ['1-evaluation.json', '1-model.bin', '1-2.log', '1-2.ckpt'].map((name) =>
      api.artifacts.write(id, name, Buffer.from(`${name} of ${id}`)),
    ),
  );
  const { spec: stored } = await jobOf(id);
  const key = resultKey({ spec: JobSpecSchema.parse(stored), data: resolveDataset(stored.dataset) });
  const success = successOf(2);
  const finished = await api.transitions.finish(id, token, {
    ...success,
    result: { ...success.result, best: bestOf([]) },
    ...{ evaluation: evaluation!, model: model!, log: log!, resultKey: key },
    kept: [{ ...checkpoint!, epoch: 2, bytes: 10 }],
  });
  expect(finished.outcome).toBe('succeeded');
  return await jobOf(id);
}

const jobOf = async (id: string): Promise<Job> => (await api.request({ url: `/jobs/${id}` })).json();

const remove = (id: string) => api.request({ method: 'DELETE', url: `/jobs/${id}` });

/** The job of a POST that gets a cached result. */
async function cached(spec: object): Promise<Job> {
  const response = await api.post(spec);
  expect(response.statusCode, response.body).toBe(200);
  return response.json();
}

async function trains(spec: object): Promise<void> {
  const response = await api.post(spec);
  expect(response.statusCode, response.body).toBe(202);
  expect(response.json()).toMatchObject({ status: 'queued', cached: false, cached_from: null });
}

describe('a job whose spec has a result', () => {
  it('ends at once with it, and has all that the other has', async () => {
    const spec = newSpec();
    const first = await trained(spec);
    const job = await cached({ ...spec, name: 'again', metadata: { a: 'b' }, priority: 3 });
    expect(job).toMatchObject({
      status: 'succeeded',
      terminal: true,
      cached: true,
      cached_from: first.id,
      started_at: null,
      queue_position: null,
      estimated_seconds: null,
      attempts: [],
      spec: { ...first.spec, cache: true, name: 'again', metadata: { a: 'b' }, priority: 3 },
    });
    for (const field of ['engine', 'result', 'latest', 'progress', 'parameters'] as const) {
      expect(job[field]).toEqual(first[field]);
    }
    expect(job.finished_at).toBe(job.created_at);
    expect(await jobOf(job.id)).toEqual(job);

    const events = await api.events.read(job.id, { after: 0, limit: 10 });
    expect(events.map(({ type }) => type)).toEqual(['job.queued', 'job.epoch', 'job.epoch', 'job.succeeded']);
    const rows = async (id: string) =>
      (await api.request({ url: `/jobs/${id}/metrics` }))
        .json()
        .data.map((row: { loss: number }) => row.loss);
    expect(await rows(job.id)).toEqual(await rows(first.id));
    const found = await api.request({ url: '/jobs?metadata[a]=b&test_accuracy=gt:0.9&status=succeeded' });
    expect(found.json().data).toEqual([job]);
    const checkpoints = await api.request({ url: `/jobs/${job.id}/checkpoints/2` });
    expect(checkpoints.body).toBe(`1-2.ckpt of ${first.id}`);

    // Without room of its own on the disk.
    const inode = (id: string) => statSync(join(api.artifacts.location.folder, id, '1-model.bin')).ino;
    expect(inode(job.id)).toBe(inode(first.id));
    expect((await remove(first.id)).statusCode).toBe(204);
    expect(filesOf(job.id)).toEqual(['1-2.ckpt', '1-2.log', '1-evaluation.json', '1-model.bin']);
    const evaluation = readFileSync(join(api.artifacts.location.folder, job.id, '1-evaluation.json'), 'utf8');
    expect(evaluation).toBe(`1-evaluation.json of ${first.id}`);
    expect((await cached(spec)).cached_from).toBe(job.id);
  });

  it('trains if a field that matters differs, and does not if another does', async () => {
    const spec = newSpec();
    const { id } = await trained(spec);
    for (const other of [
      { dataset: 'mnist' },
      { model: { dropout: 0.1 } },
      { optimizer: { type: 'sgd' } },
      { training: { ...spec.training, epochs: 3 } },
      { training: { ...spec.training, early_stopping: {} } },
      { training: { ...spec.training, seed: 0 } },
      { checkpoints: { keep: 'none' } },
      { cache: false },
    ]) {
      await trains({ ...spec, ...other });
    }
    for (const other of [
      { name: 'x' },
      { metadata: { k: 'v' } },
      { limits: { max_seconds: 9 } },
      { priority: -1 },
      { engine: 'reference' },
      { loss: 'categorical_crossentropy' },
    ]) {
      expect((await cached({ ...spec, ...other })).cached_from).toBe(id);
    }
  });

  it('says the same when it is asked again with its Idempotency-Key, whatever has happened since', async () => {
    const spec = newSpec();
    const { id } = await trained(spec);
    const key = { 'idempotency-key': 'cached' };
    const first = await api.post(spec, key);
    expect([first.statusCode, first.headers['idempotency-replayed']]).toEqual([200, undefined]);
    await remove(id);
    const again = await api.post(spec, key);
    expect([again.statusCode, again.headers['idempotency-replayed']]).toEqual([200, 'true']);
    expect(again.body).toBe(first.body);
    // The repeat takes files for a job that it does not create, and leaves none.
    const folders = readdirSync(api.artifacts.location.folder);
    for (const folder of folders)
      expect((await api.request({ url: `/jobs/${folder}` })).statusCode).toBe(200);
    const waited = await api.post(spec, { prefer: 'wait=5' });
    expect([waited.statusCode, waited.headers['preference-applied']]).toEqual([200, 'wait=5']);
    expect(waited.json().cached).toBe(true);
  });

  it('is foretold by a validation', async () => {
    const validate = async (spec: object) =>
      (
        await api.request({
          method: 'POST',
          url: '/jobs/validate',
          headers: { 'content-type': 'application/json' },
          payload: JSON.stringify(spec),
        })
      ).json().cached_from;
    const spec = newSpec();
    expect(await validate(spec)).toBeNull();
    const { id } = await trained(spec);
    expect(await validate(spec)).toBe(id);
    expect(await validate({ ...spec, cache: false })).toBeNull();
  });

  it('trains when the files of the other are damaged or gone, and leaves no files of its own', async () => {
    const spec = newSpec();
    const { id } = await trained(spec);
    await api.artifacts.write(id, '1-model.bin', Buffer.from('something else'));
    await trains(spec);
    await api.artifacts.removeFile(id, '1-model.bin');
    await trains(spec);
    const { data } = (await api.request({ url: '/jobs?status=queued&limit=2' })).json() as { data: Job[] };
    const folders = readdirSync(api.artifacts.location.folder);
    expect(data.map((job) => folders.includes(job.id))).toEqual([false, false]);
    // A whole one is found behind it.
    const { id: whole } = await trained(spec);
    expect((await cached(spec)).cached_from).toBe(whole);
  });

  it('never is a job that failed, nor one without a key of its own', async () => {
    const spec = newSpec();
    const { id, token } = await api.running(spec);
    await api.transitions.finish(id, token, SUCCESS);
    await trains(spec);
  });

  it('comes to be once, or not at all, when the other is deleted at that moment', async () => {
    for (let round = 0; round < 8; round++) {
      const spec = newSpec();
      const { id } = await trained(spec);
      const [response, removal] = await Promise.all([api.post(spec), remove(id)]);
      expect(removal.statusCode).toBe(204);
      const job = response.json() as Job;
      expect([job.cached, response.statusCode]).toEqual(job.cached ? [true, 200] : [false, 202]);
      if (job.cached) expect(filesOf(job.id)).toHaveLength(3);
      else expect(readdirSync(api.artifacts.location.folder)).not.toContain(job.id);
    }
  });
});

describe('POST /jobs/{id}/verify', () => {
  const verify = (id: string, headers: Record<string, string> = {}) =>
    api.request({ method: 'POST', url: `/jobs/${id}/verify`, headers });

  /** Trains the job that verifies another, to a result with these weights. */
  async function end(id: string, weights: string): Promise<Job> {
    const token = await api.start(id);
    for (const epoch of [1, 2]) await api.transitions.epoch(id, token, epochReport(epoch));
    const job = await jobOf(id);
    const { job: of, ...expected } = job.verifies!;
    const success = successOf(2);
    const found = { weights_sha256: weights, metrics_sha256: expected.metrics_sha256 };
    await api.transitions.finish(id, token, {
      ...success,
      result: { ...success.result, ...found },
      resultKey: resultKey({ spec: JobSpecSchema.parse(job.spec), data: resolveDataset(job.spec.dataset) }),
      verification: {
        verdict: weights === expected.weights_sha256 ? 'verified' : 'differs',
        ...{ job: of, by: id, expected, found },
      },
    });
    return await jobOf(id);
  }

  it('trains again, and both jobs show that they agree', async () => {
    const first = await trained(newSpec());
    const etag = (await api.request({ url: `/jobs/${first.id}` })).headers.etag;
    const response = await verify(first.id, { 'idempotency-key': 'verify' });
    expect(response.statusCode, response.body).toBe(202);
    const { weights_sha256, metrics_sha256 } = first.result!;
    expect(response.json()).toMatchObject({
      status: 'queued',
      spec: { ...first.spec, cache: false },
      verifies: { job: first.id, weights_sha256, metrics_sha256 },
      verification: null,
    });
    const again = await verify(first.id, { 'idempotency-key': 'verify' });
    expect(again.body).toBe(response.body);
    const done = await end(response.json().id, weights_sha256);
    expect(done.verification).toEqual({
      verdict: 'verified',
      job: first.id,
      by: done.id,
      expected: { weights_sha256, metrics_sha256 },
      found: { weights_sha256, metrics_sha256 },
    });
    const verified = await api.request({ url: `/jobs/${first.id}` });
    expect(verified.json()).toEqual({ ...first, verification: done.verification });
    expect(verified.headers.etag).not.toBe(etag);
  });

  it('takes results that differ out of the cache, and lets them be verified again', async () => {
    const spec = newSpec();
    const first = await trained(spec);
    await cached(spec);
    const { id: copy } = await cached(spec);
    for (const { id } of [await cached(spec)]) await remove(id);
    const { id } = (await verify(first.id)).json();
    const done = await end(id, 'f'.repeat(64));
    expect(done.verification!.verdict).toBe('differs');
    expect((await jobOf(first.id)).verification).toEqual(done.verification);
    expect(await api.redis.zrange(api.keys.results, 0, -1)).not.toEqual(
      expect.arrayContaining([expect.stringContaining(first.id)]),
    );
    expect((await verify(first.id)).statusCode).toBe(202);
    expect((await verify(id)).statusCode).toBe(202);
    expect((await jobOf(copy)).verification).toBeNull();
  });

  it('refuses a job that has no result, is not finished or was trained by other rules', async () => {
    const { id: queued } = await api.create(newSpec());
    expectProblem(await verify(queued), 409, 'job_not_finished');
    expect(expectProblem(await verify(await api.failed()), 409, 'job_not_verifiable').detail).toContain(
      'has failed',
    );
    await api.request({ method: 'POST', url: `/jobs/${queued}/cancel` });
    expect(expectProblem(await verify(queued), 409, 'job_not_verifiable').detail).toContain('was cancelled');
    const { id } = await trained(newSpec());
    await api.redis.hset(api.keys.job(id), 'result_key', `0.${'a'.repeat(43)}`);
    expect(expectProblem(await verify(id), 409, 'job_not_verifiable').detail).toContain('older version');
    await api.redis.hdel(api.keys.job(id), 'result_key');
    expectProblem(await verify(id), 409, 'job_not_verifiable');
    expectProblem(await verify('job_01KAXW3Q2M5N6P7Q8R9S0T1V2W'), 404, 'job_not_found');
  });
});
