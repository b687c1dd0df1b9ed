import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Job } from '../../src/contract/job.ts';
import { JobSpecSchema } from '../../src/contract/job-spec.ts';
import { resolveDataset } from '../../src/dataset/registry.ts';
import { slotNames } from '../../src/engine/optimizer-state.ts';
import type { ForkOutcome, ForkTask } from '../../src/serving/model-task.ts';
import { ModelThreads } from '../../src/serving/model-threads.ts';
import type { KeptFile } from '../../src/store/job-record.ts';
import { encodeCheckpoint } from '../../src/training/checkpoint.ts';
import { jobLayout } from '../../src/training/job-engine.ts';
import { EMPTY_LOG } from '../../src/training/training-log.ts';
import { epochReport, metricsOf, newJobId, SUCCESS, startOf, successOf } from '../store/open-store.ts';
import { expectProblem, openApi } from './open-api.ts';

const api = openApi();

/** Puts a file where the folder of the new job must be. */
class BlockingThreads extends ModelThreads {
  override async fork(task: ForkTask): Promise<ForkOutcome> {
    await writeFile(join(task.parent.artifacts.folder, task.child.job), '');
    return await super.fork(task);
  }
}

const threads = new BlockingThreads();
afterAll(() => threads.close());
const blocked = openApi({ models: threads });

const SPEC = {
  dataset: 'mnist_sample',
  model: { hidden_units: [4] },
  training: { epochs: 3 },
  checkpoints: { keep: 'all' },
} as const;

const post = (path: string, body: unknown, headers: Record<string, string> = {}, on = api) =>
  on.request({
    method: 'POST',
    url: path,
    headers: { 'content-type': 'application/json', ...headers },
    payload: JSON.stringify(body),
  });

/** A checkpoint as a trainer writes it; its weights are all 0. */
async function writeCheckpoint(id: string, epoch: number, on = api): Promise<KeptFile> {
  const spec = JobSpecSchema.parse(SPEC);
  const data = resolveDataset(spec.dataset);
  const weights = new Float32Array(jobLayout({ spec, data }).parameters);
  const slots = slotNames(spec.optimizer).map((name) => ({ name, values: weights }));
  const history = Array.from({ length: epoch }, (_, i) => metricsOf(i + 1));
  const state = { weights, slots, powers: [], steps: 150 * epoch };
  const bytes = encodeCheckpoint({ epoch, state, history, log: EMPTY_LOG }, { spec, data });
  return { ...(await on.artifacts.write(id, `1-${epoch}.ckpt`, bytes)), epoch, bytes: bytes.length };
}

/** A job that has succeeded and keeps the checkpoints of its three epochs. */
async function succeeded(on = api): Promise<{ id: string; kept: KeptFile[] }> {
  const { id, token } = await on.running(SPEC);
  const kept: KeptFile[] = [];
  for (const epoch of [1, 2, 3]) {
    kept.push(await writeCheckpoint(id, epoch, on));
    await on.transitions.epoch(id, token, { ...epochReport(epoch), kept });
  }
  await on.transitions.finish(id, token, { ...successOf(3), kept });
  return { id, kept };
}

describe('GET /jobs/{id}/checkpoints', () => {
  it('lists what the job keeps, and serves each as the file that its hash says', async () => {
    const { id, kept } = await succeeded();
    const list = (await api.request({ url: `/jobs/${id}/checkpoints` })).json();
    expect(list.data).toEqual(
      kept.map(({ epoch, sha256, bytes }) => ({
        ...{ object: 'checkpoint', epoch, sha256, bytes },
        links: { self: `/jobs/${id}/checkpoints/${epoch}` },
      })),
    );
    const file = await api.request({ url: list.data[1].links.self });
    expect([file.headers.etag, file.rawPayload.length]).toEqual([`"${kept[1]!.sha256}"`, kept[1]!.bytes]);
    const again = { url: list.data[1].links.self, headers: { 'if-none-match': file.headers.etag as string } };
    expect((await api.request(again)).statusCode).toBe(304);
    await api.artifacts.removeFile(id, '1-2.ckpt');
    expectProblem(await api.request({ url: list.data[1].links.self }), 503, 'file_unavailable');
  });

  it('has none for a job that keeps none or does not exist, and stays for one that fails', async () => {
    const { id } = await api.create(SPEC);
    expect((await api.request({ url: `/jobs/${id}/checkpoints` })).json().data).toEqual([]);
    const problem = expectProblem(await api.request({ url: `/jobs/${id}/checkpoints/1` }), 404, 'not_found');
    expect(problem.detail).toContain('none');
    for (const path of ['', '/1']) {
      expectProblem(
        await api.request({ url: `/jobs/${newJobId()}/checkpoints${path}` }),
        404,
        'job_not_found',
      );
    }
    expectProblem(await api.request({ url: `/jobs/${id}/checkpoints/zero` }), 404, 'not_found');
    const token = await api.start(id);
    const kept = [await writeCheckpoint(id, 1)];
    await api.transitions.epoch(id, token, { ...epochReport(1), kept });
    expect((await api.request({ url: `/jobs/${id}/checkpoints` })).json().data).toHaveLength(1);
    await api.transitions.finish(id, token, {
      status: 'failed',
      error: { code: 'diverged', message: 'x', retryable: false },
    });
    expect((await api.request({ url: `/jobs/${id}/checkpoints` })).json().data).toHaveLength(1);
    expect((await api.request({ url: `/jobs/${id}/checkpoints/1` })).statusCode).toBe(200);
  });
});

describe('POST /jobs/{id}/fork and extend', () => {
  it('creates a job that is linked to its parent and has the checkpoint among its files', async () => {
    const { id, kept } = await succeeded();
    const body = { from_epoch: 2, overrides: { name: 'child', training: { epochs: 5, batch_size: 48 } } };
    const response = await post(`/jobs/${id}/fork`, body);
    expect(response.statusCode, response.body).toBe(202);
    const child: Job = response.json();
    expect(response.headers.location).toBe(`/jobs/${child.id}`);
    expect(child).toEqual((await api.request({ url: `/jobs/${child.id}` })).json());
    expect(child).toMatchObject({
      status: 'queued',
      spec: { name: 'child', training: { epochs: 5, batch_size: 48 }, checkpoints: { keep: 'all' } },
      parent: { job: id, epoch: 2, checkpoint_sha256: kept[1]!.sha256, optimizer_state: 'kept' },
      progress: { epoch: 0, steps: 2 * 150 + 3 * 100 },
    });
    const record = (await api.store.record(child.id))!;
    expect(record.checkpoint).toMatchObject([{ name: '0-2.ckpt', epoch: 2 }]);
    expect(await api.artifacts.read(child.id, record.checkpoint[0]!)).toBeDefined();
    expect((await api.request({ url: `/jobs/${id}` })).json().parent).toBeNull();
  });

  it('goes on from the newest checkpoint by default, and begins another optimizer anew', async () => {
    const { id } = await succeeded();
    const overrides = { optimizer: { type: 'adam' }, training: { epochs: 4 }, engine: 'wasm' };
    const child: Job = (await post(`/jobs/${id}/fork`, { overrides })).json();
    expect(child.parent).toMatchObject({ epoch: 3, optimizer_state: 'new' });
    expect(child.spec.optimizer).toMatchObject({ type: 'adam', beta_1: 0.9 });
    const extended: Job = (await post(`/jobs/${id}/extend`, { epochs: 7 })).json();
    expect(extended).toMatchObject({
      spec: { training: { epochs: 7 } },
      parent: { epoch: 3, optimizer_state: 'kept' },
    });
  });

  it('is repeated with an Idempotency-Key, and leaves no file behind', async () => {
    const { id } = await succeeded();
    const other = await succeeded();
    const key = { 'idempotency-key': 'once' };
    const first = await post(`/jobs/${id}/extend`, { epochs: 5 }, key);
    const again = await post(`/jobs/${id}/extend`, { epochs: 5 }, key);
    expect(again.body).toBe(first.body);
    expect(again.headers['idempotency-replayed']).toBe('true');
    expectProblem(await post(`/jobs/${id}/extend`, { epochs: 6 }, key), 422, 'idempotency_key_reused');
    expectProblem(await post(`/jobs/${other.id}/extend`, { epochs: 5 }, key), 422, 'idempotency_key_reused');
    const folders = (await api.artifacts.list()).map((folder) => folder.id);
    const jobs: Job[] = (await api.request({ url: '/jobs?limit=1000' })).json().data;
    expect(folders.filter((folder) => !jobs.some((job) => job.id === folder))).toEqual([]);
  });

  it.each([
    ['fork', { overrides: { training: { epochs: 5 } } }],
    ['extend', { epochs: 6 }],
    ['verify', undefined],
  ])('is repeated after the job that it came from is gone: %s', async (route, body) => {
    const { id } = await succeeded();
    const key = { 'idempotency-key': `${route}-${id}` };
    const send = async () => await post(`/jobs/${id}/${route}`, body, key);
    const first = await send();
    expect([first.statusCode, first.body]).toEqual([202, expect.any(String)]);
    expect((await api.request({ method: 'DELETE', url: `/jobs/${id}` })).statusCode).toBe(204);
    const again = await send();
    expect([again.statusCode, again.body]).toEqual([202, first.body]);
    expect(again.headers['idempotency-replayed']).toBe('true');
    const { id: child } = first.json() as Job;
    await api.request({ method: 'POST', url: `/jobs/${child}/cancel` });
    await api.request({ method: 'DELETE', url: `/jobs/${child}` });
    expectProblem(await send(), 409, 'job_deleted');
  });

  it.each([
    ['fork', { overrides: { training: { epochs: 5 } } }],
    ['extend', { epochs: 6 }],
  ])('waits for the end of the new job, if asked to: %s', async (route, body) => {
    const { id } = await succeeded();
    const answer = post(`/jobs/${id}/${route}`, body, { prefer: 'wait=50' });
    let child: Job | undefined;
    await expect
      .poll(async () => {
        child = (await api.request({ url: '/jobs?limit=1' })).json().data[0];
        return child?.parent?.job;
      })
      .toBe(id);
    const start = startOf({ read: { attempt: 0, checkpointEpoch: 3 }, fromEpoch: 3 });
    expect(await api.transitions.start(child!.id, start)).toMatchObject({ outcome: 'started' });
    await api.transitions.finish(child!.id, start.token, SUCCESS);
    const { statusCode, headers, json } = await answer;
    expect([statusCode, headers.location]).toEqual([200, `/jobs/${child!.id}`]);
    expect(headers['preference-applied']).toBe('wait=50');
    expect(json()).toEqual((await api.request({ url: `/jobs/${child!.id}` })).json());
    expect(json()).toMatchObject({ status: 'succeeded', parent: { job: id } });
  });

  it('creates no job when its first checkpoint cannot be written, and says so', async () => {
    const { id } = await succeeded(blocked);
    const jobs = async () => (await blocked.request({ url: '/jobs' })).json().data.length;
    const before = await jobs();
    const answer = await post(`/jobs/${id}/extend`, { epochs: 5 }, {}, blocked);
    expectProblem(answer, 503, 'file_unavailable');
    expect(answer.headers['retry-after']).toBe('10');
    expect(await jobs()).toBe(before);
  });

  it('forks a paused job from what it would resume from', async () => {
    const { id, token } = await api.running(SPEC);
    const { bytes: _, ...file } = await writeCheckpoint(id, 1);
    await api.transitions.epoch(id, token, { ...epochReport(1), checkpoints: [file] });
    expect((await post(`/jobs/${id}/fork`, {})).json().parent).toMatchObject({ job: id, epoch: 1 });
    expectProblem(await post(`/jobs/${id}/extend`, { epochs: 5 }), 409, 'job_not_finished');
  });

  it('refuses to go on without the data, in words about the job: the request names no dataset', async () => {
    const rows = Array.from({ length: 20 }, (_, i) => `${i},${i % 2 ? 'a' : 'b'}`).join('\n');
    const url = '/datasets/flowers';
    const put = { method: 'PUT', url: `${url}?format=csv`, payload: `size,kind\n${rows}` } as const;
    expect((await api.request(put)).statusCode).toBe(201);
    const spec = { ...SPEC, dataset: 'flowers', training: { epochs: 1, batch_size: 2 } };
    const { id, token } = await api.running(spec);
    const kept = [await writeCheckpoint(id, 1)];
    await api.transitions.epoch(id, token, { ...epochReport(1), kept });
    await api.transitions.finish(id, token, { ...successOf(1), kept });
    expect((await api.request({ method: 'DELETE', url })).statusCode).toBe(204);
    const more = { overrides: { training: { epochs: 2 } } };
    for (const headers of [{}, { 'idempotency-key': 'gone' }]) {
      const { detail } = expectProblem(await post(`/jobs/${id}/fork`, more, headers), 409, 'no_checkpoint');
      expect(detail).toContain('You have no dataset flowers any more');
    }
  });

  it('refuses what cannot be gone on from, and overrides that are not allowed', async () => {
    const { id } = await succeeded();
    const plain = await api.succeeded();
    expectProblem(await post(`/jobs/${newJobId()}/fork`, {}), 404, 'job_not_found');
    for (const [action, body] of [
      ['fork', {}],
      ['extend', { epochs: 100 }],
    ] as const) {
      expectProblem(await post(`/jobs/${plain}/${action}`, body), 409, 'no_checkpoint');
    }
    const missing = expectProblem(await post(`/jobs/${id}/fork`, { from_epoch: 9 }), 409, 'no_checkpoint');
    expect(missing.detail).toContain('It has: 1, 2, 3.');
    await api.artifacts.removeFile(id, '1-3.ckpt');
    expectProblem(await post(`/jobs/${id}/extend`, { epochs: 9 }), 409, 'no_checkpoint');
    for (const [overrides, pointer] of [
      [{ training: { epochs: 2 } }, '/overrides/training/epochs'],
      [{ training: { seed: 1, epochs: 9 } }, '/overrides/training/seed'],
      [{ optimizer: { learning_rate: -1 } }, '/overrides/optimizer/learning_rate'],
      [{ optimizer: { type: 'newton' } }, '/overrides/optimizer/type'],
      [{ training: { batch_size: 4096, epochs: 9 }, dataset: 'mnist' }, '/overrides/dataset'],
    ] as const) {
      const problem = expectProblem(
        await post(`/jobs/${id}/fork`, { from_epoch: 2, overrides }),
        422,
        'validation_failed',
      );
      expect(problem.errors!.map((error) => error.pointer)).toContain(pointer);
    }
    expectProblem(await post(`/jobs/${id}/extend`, { epochs: 3 }), 422, 'validation_failed');
    expectProblem(await api.request({ method: 'POST', url: `/jobs/${id}/fork` }), 400, 'malformed_request');
  });
});

describe('the checkpoints of a spec', () => {
  it('need a monitor that each epoch has', async () => {
    const without = { ...SPEC, training: { epochs: 3, validation_split: 0 } };
    const problem = await api.post({ ...without, checkpoints: { keep: 'best' } });
    expect(expectProblem(problem, 422, 'validation_failed').errors).toMatchObject([
      { pointer: '/checkpoints/monitor' },
    ]);
    await api.create({ ...without, checkpoints: { keep: 'best', monitor: 'loss' } });
  });
});
