import { PNG } from 'pngjs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ClassPredictions } from '../../src/contract/prediction.ts';
import { encodeModel } from '../../src/training/model-file.ts';
import { type TrainedModel, trainedModel } from '../export/trained-model.ts';
import { SUCCESS } from '../store/open-store.ts';
import { expectProblem, openApi } from './open-api.ts';

const api = openApi();
const SPEC = { dataset: 'mnist_sample', training: { epochs: 1 }, engine: 'wasm' };

let model: TrainedModel;
let url: string;

beforeAll(async () => {
  model = await trainedModel(SPEC);
  const { file, spec, data } = model.exported('raw');
  const { id, token } = await api.running(SPEC);
  const state = { weights: file.weights, ...file.optimizer! };
  const bytes = encodeModel(state, file.predicted!, { spec, data });
  const written = await api.artifacts.write(id, '1-model.bin', bytes);
  await api.transitions.finish(id, token, { ...SUCCESS, model: written });
  url = `/jobs/${id}/predict`;
});

const ask = async (payload: Buffer | string, type: string, query = '') =>
  await api.request({ method: 'POST', url: url + query, headers: { 'content-type': type }, payload });

const rowsOf = (from: number, to: number) => (model.values as Uint8Array).subarray(from * 784, to * 784);

describe('a prediction', () => {
  it('has the bits of the engine that trained the model', async () => {
    const response = await ask(Buffer.from(model.values), 'application/octet-stream');
    expect(response.statusCode, response.body.slice(0, 300)).toBe(200);
    const { data, classes } = response.json<ClassPredictions>();
    const { probabilities, exported } = model;
    expect(Float32Array.from(data.flatMap((row) => row.probabilities))).toEqual(probabilities);
    expect(data.map((row) => row.class)).toEqual([...exported('raw').file.predicted!]);
    for (const row of data) {
      expect(row.label).toBe(classes[row.class]);
      expect(row.probability).toBe(Math.max(...row.probabilities));
    }
  });

  it('is the same for JSON and CSV, whatever else is in the request', async () => {
    const json = await ask(
      JSON.stringify({ inputs: [[...rowsOf(5, 6)], [...rowsOf(9, 10)]] }),
      'application/json; charset=utf-8',
    );
    const csv = await ask(`${rowsOf(5, 6).join()}\n${rowsOf(9, 10).join()}\n`, 'text/csv');
    expect(csv.json()).toEqual(json.json());
    const expected = [5, 9].flatMap((row) => [...model.probabilities.subarray(row * 10, row * 10 + 10)]);
    expect(json.json<ClassPredictions>().data.flatMap((row) => row.probabilities)).toEqual(expected);
  });

  it('of a drawing is that of the image which it shows', async () => {
    let alike = 0;
    for (let k = 0; k < 20; k += 1) {
      const response = await ask(drawingOf(rowsOf(k, k + 1)), 'image/png');
      expect(response.statusCode, response.body).toBe(200);
      const { data, seen } = response.json<ClassPredictions>();
      expect([seen!.length, seen![0]!.length, data.length]).toEqual([28, 28, 1]);
      if (data[0]!.class === model.exported('raw').file.predicted![k]) alike += 1;
    }
    expect(alike).toBeGreaterThanOrEqual(18);
  });
});

/** The digit in black on white, eight times as large, in a corner of a larger sheet. */
function drawingOf(image: Uint8Array): Buffer {
  const picture = new PNG({ width: 400, height: 300 });
  picture.data.fill(255);
  for (let y = 0; y < 224; y += 1) {
    for (let x = 0; x < 224; x += 1) {
      const value = 255 - image[(y >> 3) * 28 + (x >> 3)]!;
      picture.data.set([value, value, value, 255], 4 * ((y + 60) * 400 + x + 150));
    }
  }
  return PNG.sync.write(picture);
}

describe('is refused', () => {
  it('for what is not a row, with what is allowed', async () => {
    const short = expectProblem(
      await ask('{"inputs":[[1,2]]}', 'application/json'),
      422,
      'validation_failed',
    );
    expect(short.detail).toBe('Row 1 has 2 values; this model takes 784.');
    expectProblem(await ask('<svg/>', 'image/svg+xml'), 415, 'unsupported_media_type');
    expectProblem(await api.request({ method: 'POST', url }), 415, 'unsupported_media_type');
    expectProblem(await ask('{}', 'application/json', '?fit=crop'), 422, 'validation_failed');
    const large = expectProblem(
      await ask(Buffer.alloc(1024 * 1024 + 1), 'application/octet-stream'),
      413,
      'payload_too_large',
    );
    expect(large.detail).toContain('1048576 bytes');
  });

  it('before the job has a model, and without a job', async () => {
    const { id } = await api.running();
    const payload = '{}';
    const headers = { 'content-type': 'application/json' };
    const early = await api.request({ method: 'POST', url: `/jobs/${id}/predict`, headers, payload });
    expectProblem(early, 404, 'not_available_yet');
    const none = url.replace(/job_\w{26}/, 'job_01ARZ3NDEKTSV4RRFFQ69G5FAV');
    expectProblem(await api.request({ method: 'POST', url: none, headers, payload }), 404, 'job_not_found');
  });
});
