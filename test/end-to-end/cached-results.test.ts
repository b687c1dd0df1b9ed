import { describe, expect, it } from 'vitest';
import { type Job, JobSchema } from '../../src/contract/job.ts';
import { Installation } from './installation.ts';
import { SMALL } from './small-jobs.ts';

/** Results that are used again, and jobs that are trained again, on real processes. */

const SPEC = { ...SMALL, cache: true };

const descent = await Installation.startForFile();

async function ask(path: string, body?: object): Promise<{ status: number; job: Job }> {
  const headers: Record<string, string> = { prefer: 'wait=50' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  const init = { method: 'POST', headers, ...(body && { body: JSON.stringify(body) }) };
  const response = await descent.fetch(path, init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.status}: ${text}`);
  const job = JobSchema.parse(JSON.parse(text));
  // An extension does not wait.
  if (!job.terminal) await descent.toEnd(job.id);
  return { status: response.status, job: job.terminal ? job : await descent.job(job.id) };
}

const bytesOf = async (path: string): Promise<Buffer> => {
  const response = await descent.fetch(path);
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(response.status, `${path}: ${bytes}`).toBe(200);
  return bytes;
};

const remove = async (id: string) =>
  expect((await descent.fetch(`/jobs/${id}`, { method: 'DELETE' })).status).toBe(204);

describe('a job with a cached result', () => {
  it('does all that a trained one does, also when that is gone, and without a worker', async () => {
    const { job: first } = await ask('/jobs', SPEC);
    expect([first.status, first.cached]).toEqual(['succeeded', false]);
    const of = async (id: string) => {
      const rows = Array.from({ length: 784 }, (_, i) => i % 256);
      const answer = await descent.fetch(`/jobs/${id}/predict?checkpoint=latest`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ inputs: [rows] }),
      });
      const { data } = (await answer.json()) as { data: unknown };
      const [evaluation, weights, onnx, keras, rowsOfTest] = await Promise.all([
        bytesOf(`/jobs/${id}/evaluation`),
        bytesOf(`/jobs/${id}/model?format=json`),
        bytesOf(`/jobs/${id}/model?format=onnx`),
        bytesOf(`/jobs/${id}/model?format=weights.h5`),
        bytesOf(`/jobs/${id}/evaluation/rows?limit=2`),
        bytesOf(`/jobs/${id}/charts/loss.svg`),
        bytesOf(`/jobs/${id}/charts/confusion.svg`),
        bytesOf(`/jobs/${id}/metrics?format=tensorboard`),
      ]);
      const texts = [evaluation, weights, rowsOfTest].map((bytes) => bytes.toString().replaceAll(id, 'id'));
      return [data, ...texts, onnx.length, keras.length];
    };
    const expected = await of(first.id);
    const { job: second } = await ask('/jobs', { ...SPEC, priority: 1, engine: 'wasm' });
    expect(second).toMatchObject({ cached: true, cached_from: first.id, result: first.result });
    await remove(first.id);
    expect(await of(second.id)).toEqual(expected);
    const events = await descent.toEnd(second.id);
    expect(events.map(({ type }) => type)).toEqual([
      'job.queued',
      'job.epoch',
      'job.epoch',
      'job.epoch',
      'job.succeeded',
    ]);

    // Its checkpoint goes on, and that is cached, too.
    const { job: longer } = await ask(`/jobs/${second.id}/extend`, { epochs: 4 });
    expect([longer.status, longer.cached]).toEqual(['succeeded', false]);
    const { job: same } = await ask(`/jobs/${second.id}/extend`, { epochs: 4 });
    expect(same).toMatchObject({ cached: true, cached_from: longer.id, parent: longer.parent });
    const { job: whole } = await ask('/jobs', { ...SPEC, training: { ...SMALL.training, epochs: 4 } });
    expect([whole.cached, whole.result!.weights_sha256]).toEqual([false, same.result!.weights_sha256]);

    const { job: verifying } = await ask(`/jobs/${second.id}/verify`);
    expect(verifying).toMatchObject({
      status: 'succeeded',
      cached: false,
      verification: { verdict: 'verified', job: second.id, by: verifying.id },
    });
    expect((await descent.job(second.id)).verification).toEqual(verifying.verification);
    const { job: verifyingFork } = await ask(`/jobs/${same.id}/verify`);
    expect(verifyingFork.verification).toMatchObject({ verdict: 'verified', job: same.id });

    await remove(second.id);
    const gone = await descent.fetch(`/jobs/${same.id}/verify`, { method: 'POST' });
    expect([gone.status, ((await gone.json()) as { code: string }).code]).toEqual([
      409,
      'job_not_verifiable',
    ]);

    // No worker is needed for what is known.
    const worker = descent.workerOf(whole);
    await worker.stop('SIGTERM');
    const { job: without } = await ask('/jobs', { ...SPEC, name: 'without a worker' });
    expect(without).toMatchObject({ status: 'succeeded', cached: true });
    await descent.startWorker();
  });

  it('is that of an uploaded dataset only while that has the same content', async () => {
    const upload = async (csv: string) =>
      expect(
        (
          await descent.fetch('/datasets/mine?format=csv&target=y', {
            method: 'PUT',
            headers: { 'content-type': 'text/csv' },
            body: csv,
          })
        ).status,
      ).toBe(201);
    const table = (extra: string) =>
      `x,y\n${Array.from({ length: 60 }, (_, i) => `${i % 7},${i % 2 === 0 ? 'a' : 'b'}`).join('\n')}\n${extra}`;
    const spec = { dataset: 'mine', training: { epochs: 2, batch_size: 8 } };
    await upload(table(''));
    const { job: first } = await ask('/jobs', spec);
    expect((await ask('/jobs', spec)).job).toMatchObject({ cached: true, cached_from: first.id });
    expect((await descent.fetch('/datasets/mine', { method: 'DELETE' })).status).toBe(204);
    const gone = await descent.fetch(`/jobs/${first.id}/verify`, { method: 'POST' });
    expect([gone.status, ((await gone.json()) as { code: string }).code]).toEqual([
      409,
      'job_not_verifiable',
    ]);
    await upload(table('9,a\n'));
    const other = await descent.fetch(`/jobs/${first.id}/verify`, { method: 'POST' });
    expect(other.status).toBe(409);
    expect((await ask('/jobs', spec)).job.cached).toBe(false);
    expect((await descent.fetch('/datasets/mine', { method: 'DELETE' })).status).toBe(204);
    await upload(table(''));
    expect((await ask('/jobs', spec)).job.cached).toBe(true);
  });
});
