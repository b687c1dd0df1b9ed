import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import type { ApiDeps } from '../../src/api/deps.ts';
import { ModelThreads } from '../../src/serving/model-threads.ts';
import { SUCCESS } from '../store/open-store.ts';
import { expectProblem, openApi } from './open-api.ts';
import { writeModel } from './stored-model.ts';

const api = openApi();

const SPEC = { name: 'Größe & Co', dataset: 'mnist_sample', model: { hidden_units: [4] } };

/** A job that succeeded, with a model of its shape. */
async function succeeded(spec: object = SPEC): Promise<string> {
  const { id, token } = await api.running(spec);
  const model = await writeModel(api, id, spec);
  await api.transitions.finish(id, token, { ...SUCCESS, model });
  return id;
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

it('whose file is missing is a 503 that says what to do', async () => {
  const id = await succeeded();
  await api.artifacts.remove(id);
  const headers = { 'content-type': 'application/json' };
  const payload = JSON.stringify({ inputs: [Array.from({ length: 784 }, () => 0)] });
  for (const response of [
    await api.request({ url: `/jobs/${id}/model` }),
    await api.request({ url: `/jobs/${id}/model/tfjs/weights.bin` }),
    await api.request({ url: `/jobs/${id}/predict`, method: 'POST', headers, payload }),
  ]) {
    expect(expectProblem(response, 503, 'file_unavailable').detail).toContain('DATA_DIR');
  }
});

it.each([
  ['', 'Gro-e-Co-ID.safetensors'],
  ['?layout=torch', 'Gro-e-Co-ID-torch.safetensors'],
  ['?format=onnx', 'Gro-e-Co-ID.onnx'],
  ['?format=onnx&preprocessing=scaled', 'Gro-e-Co-ID-scaled.onnx'],
  ['?format=keras', 'Gro-e-Co-ID.keras'],
  ['?format=weights.h5', 'Gro-e-Co-ID.weights.h5'],
  ['?format=json', 'Gro-e-Co-ID.json'],
  ['/tfjs/model.json', 'model.json'],
  ['/tfjs/weights.bin', 'weights.bin'],
])('%s is a file with a speaking name, whose ETag is its hash', async (query, name) => {
  const id = await succeeded();
  const url = `/jobs/${id}/model${query}`;
  const response = await api.request({ url });
  expect(response.statusCode, response.body).toBe(200);
  const etag = `"${sha256(response.rawPayload)}"`;
  const file = name.replace('ID', id.slice(-6));
  expect(response.headers).toMatchObject({
    etag,
    'content-disposition': `attachment; filename="${file}"`,
    'content-type': /json/.test(name) ? 'application/json; charset=utf-8' : 'application/octet-stream',
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
  });
  const again = await api.request({ url, headers: { 'if-none-match': etag } });
  expect([again.statusCode, again.body, again.headers.etag]).toEqual([304, '', etag]);
  const head = await api.request({ method: 'HEAD', url });
  expect([head.statusCode, head.body]).toEqual([200, '']);
  expect(head.headers['content-length']).toBe(String(response.rawPayload.length));
});

it('sends one range, and all of the file for what it does not know', async () => {
  const url = `/jobs/${await succeeded()}/model`;
  const { rawPayload: whole, headers } = await api.request({ url });
  const get = (range: string, more: Record<string, string> = {}) =>
    api.request({ url, headers: { range, ...more } });
  for (const [range, from, to] of [
    ['bytes=0-7', 0, 8],
    ['bytes=8-', 8, whole.length],
    ['bytes=-100', whole.length - 100, whole.length],
    ['bytes=0-999999999', 0, whole.length],
  ] as const) {
    const response = await get(range);
    expect(response.statusCode).toBe(206);
    expect(response.headers['content-range']).toBe(`bytes ${from}-${to - 1}/${whole.length}`);
    expect(response.headers['content-length']).toBe(String(to - from));
    expect(response.rawPayload.equals(whole.subarray(from, to))).toBe(true);
  }
  const fresh = await get('bytes=0-7', { 'if-range': String(headers.etag) });
  expect(fresh.statusCode).toBe(206);
  for (const response of [
    await get('bytes=0-7', { 'if-range': '"other"' }),
    await get('bytes=0-7,20-30'),
    await get('rows=0-7'),
    await get('rubbish'),
  ]) {
    expect(response.statusCode).toBe(200);
    expect(response.rawPayload.equals(whole)).toBe(true);
  }
  const beyond = await get(`bytes=${whole.length}-`);
  expectProblem(beyond, 416, 'range_not_satisfiable');
  expect(beyond.headers['content-range']).toBe(`bytes */${whole.length}`);
});

it('is not there before the end, nor for a job that failed', async () => {
  const { id } = await api.running();
  const early = expectProblem(await api.request({ url: `/jobs/${id}/model` }), 404, 'not_available_yet');
  expect(early.detail).toContain('running');
  const failed = await api.request({ url: `/jobs/${await api.failed()}/model` });
  expect(expectProblem(failed, 404, 'not_found').detail).toBe('The job has failed, so it has no model.');
});

it('is refused as json when nobody could read it', async () => {
  const id = await succeeded({ ...SPEC, model: { hidden_units: [4096] } });
  const problem = expectProblem(
    await api.request({ url: `/jobs/${id}/model?format=json` }),
    422,
    'validation_failed',
  );
  expect(problem.detail).toBe(
    'This model has 3256330 parameters, and json takes at most 2000000. Use another format.',
  );
});

it('refuses other formats', async () => {
  const problem = expectProblem(
    await api.request({ url: `/jobs/${await succeeded()}/model?format=pickle` }),
    422,
    'validation_failed',
  );
  expect(problem.detail).toContain('safetensors');
});

describe('memory', () => {
  const small = openApi({ modelBytes: 200_000 });

  it('is not given to a model that takes more than there is', async () => {
    const { id, token } = await small.running(SPEC);
    const model = await writeModel(small, id, SPEC);
    await small.transitions.finish(id, token, { ...SUCCESS, model });
    // 3,190 parameters and a slot each.
    expect((await small.request({ url: `/jobs/${id}/model` })).statusCode).toBe(200);
    const large = { ...SPEC, model: { hidden_units: [16] } };
    const other = await small.running(large);
    const file = await writeModel(small, other.id, large);
    await small.transitions.finish(other.id, other.token, { ...SUCCESS, model: file });
    const refused = await small.request({ url: `/jobs/${other.id}/model` });
    expect(expectProblem(refused, 503, 'overloaded').detail).toContain(
      'Ask the operator for an API with more memory',
    );
    const predict = { method: 'POST', url: `/jobs/${other.id}/predict`, payload: 'x' } as const;
    expectProblem(await small.request(predict), 503, 'overloaded');
    // The first one has given its room back.
    expect((await small.request({ url: `/jobs/${id}/model?format=keras` })).statusCode).toBe(200);
  });
});

describe('a client that goes away', () => {
  const threads = new ModelThreads();
  afterAll(() => threads.close());
  /** Holds up the first export until the test lets it go on. */
  let release: (() => void) | undefined;
  const models: ApiDeps['models'] = {
    export: async (task) => {
      if (release === undefined) {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
      }
      return await threads.export(task);
    },
    predict: (task) => threads.predict(task),
    evaluatedRows: (task) => threads.evaluatedRows(task),
    datasetImage: (task) => threads.datasetImage(task),
    datasetRows: (task) => threads.datasetRows(task),
    fork: (task) => threads.fork(task),
  };
  const small = openApi({ modelBytes: 200_000, models });

  it('keeps its room until the thread has written its model', async () => {
    const { id, token } = await small.running(SPEC);
    const model = await writeModel(small, id, SPEC);
    await small.transitions.finish(id, token, { ...SUCCESS, model });
    const url = `/jobs/${id}/model`;
    const socket = connect(Number(new URL(small.url).port), '127.0.0.1');
    const closed = once(socket, 'close');
    socket.write(`GET ${url} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await expect.poll(() => release).toBeDefined();
    socket.destroy();
    await closed;
    const connections = () =>
      new Promise((resolve) => small.app.server.getConnections((_, count) => resolve(count)));
    await expect.poll(connections).toBe(0);
    expectProblem(await small.request({ url }), 503, 'overloaded');
    release!();
    await expect.poll(async () => (await small.request({ url })).statusCode).toBe(200);
  });
});
