import * as ort from 'onnxruntime-web';
import { beforeAll, describe, expect, it } from 'vitest';
import type { DatasetDetail, DatasetRows } from '../../src/contract/dataset.ts';
import type { ClassPredictions } from '../../src/contract/prediction.ts';
import { openDataset } from '../../src/dataset/prepared.ts';
import { UploadedFiles } from '../../src/dataset/uploads.ts';
import { encodeCheckpoint } from '../../src/training/checkpoint.ts';
import { encodeModel } from '../../src/training/model-file.ts';
import { EMPTY_LOG } from '../../src/training/training-log.ts';
import { type TrainedModel, trainedModelOn } from '../export/trained-model.ts';
import { epochReport, FAILURE, SUCCESS } from '../store/open-store.ts';
import { expectProblem, openApi } from './open-api.ts';

/** A model of an uploaded table takes rows as people write them, also when the table is gone. */

const api = openApi();
const SPEC = {
  dataset: 'birds',
  model: { hidden_units: [8] },
  training: { epochs: 3, batch_size: 8, validation_split: 0.1 },
  engine: 'wasm',
};

/** island,mass,bill,species: the last column follows from the others. */
const LINES = Array.from({ length: 90 }, (_, i) => {
  const big = i % 3 === 0;
  const island = ['Biscoe', 'Dream', 'Torgersen'][i % 3]!;
  return `${island},${i % 10 === 1 ? '' : (big ? 5000 : 3500) + 7 * (i % 11)},${(big ? 47 : 38) + (i % 5) / 4},${big ? 'gentoo' : 'adelie'}`;
});

let model: TrainedModel;
let id: string;
/** It has the checkpoint of the other. */
let failed: { id: string; token: string };
let test: DatasetRows['data'];

const predict = (payload: string, type = 'application/json', query = '') =>
  api.request({
    method: 'POST',
    url: `/jobs/${id}/predict${query}`,
    headers: { 'content-type': type },
    payload,
  });

const ask = async (inputs: unknown) => {
  const answer = await predict(JSON.stringify({ inputs }));
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json<ClassPredictions>().data.map(({ probabilities }) => probabilities);
};

beforeAll(async () => {
  const made = await api.request({
    method: 'PUT',
    url: '/datasets/birds?format=csv&target=species',
    payload: ['island,mass,bill,species', ...LINES].join('\n'),
  });
  expect(made.statusCode, made.body).toBe(201);
  const dataDir = api.artifacts.location.folder.replace(/\/jobs$/, '');
  const { id: created, token } = await api.running(SPEC);
  id = created;
  const { data } = (await api.store.record(id))!;
  const dataset = await openDataset(data!, dataDir);
  model = trainedModelOn(SPEC, dataset);
  dataset.close();
  const table = await new UploadedFiles(dataDir).table(made.json<DatasetDetail>().sha256);
  const { spec, file: trained } = model.exported('raw');
  const bytes = encodeModel(
    { weights: trained.weights, ...trained.optimizer! },
    trained.predicted!,
    { spec, data: data! },
    table,
  );
  const stored = await api.artifacts.write(id, '1-model.bin', bytes);
  const checkpoint = {
    epoch: 3,
    state: { weights: trained.weights, ...trained.optimizer! },
    history: [1, 2, 3].map((epoch) => epochReport(epoch).metrics),
    log: EMPTY_LOG,
  };
  const ofEpoch = encodeCheckpoint(checkpoint, { spec, data: data! });
  const kept = [{ ...(await api.artifacts.write(id, '1-3.ckpt', ofEpoch)), epoch: 3, bytes: ofEpoch.length }];
  failed = await api.running(SPEC);
  // No two jobs take the same time, so no two have the same checkpoint.
  const history = checkpoint.history.map((row) => ({ ...row, duration_seconds: 99 }));
  const ofFailed = encodeCheckpoint({ ...checkpoint, history }, { spec, data: data! });
  const file = { ...(await api.artifacts.write(failed.id, '1-3.ckpt', ofFailed)), epoch: 3 };
  for (const epoch of [1, 2, 3]) {
    const kept = [{ ...file, bytes: ofFailed.length }];
    await api.transitions.epoch(failed.id, failed.token, {
      ...epochReport(epoch),
      checkpoints: [file],
      kept,
    });
  }
  await api.transitions.finish(failed.id, failed.token, FAILURE);
  test = (await api.request({ url: '/datasets/birds/rows?split=test&limit=1000' })).json<DatasetRows>().data;
  await api.transitions.finish(id, token, { ...SUCCESS, model: stored, kept });
  expect((await api.request({ method: 'DELETE', url: '/datasets/birds' })).statusCode).toBe(204);
}, 60_000);

describe('a model of an uploaded table', () => {
  const expected = () => {
    const { probabilities } = model;
    return test.map((_, r) => [...probabilities.subarray(2 * r, 2 * r + 2)]);
  };
  /** Rows are shown to five digits, so that what a model sees of them may differ in its last bits. */
  const alike = (given: number[][]) => {
    const wanted = expected();
    expect(given).toHaveLength(wanted.length);
    for (const [r, row] of given.entries())
      for (const [c, p] of row.entries()) expect(p).toBeCloseTo(wanted[r]![c]!, 4);
  };

  it('takes rows by name, in order, and as CSV, with or without a header', async () => {
    const named = test.map(({ values: [island, mass, bill], target }) => ({
      bill,
      mass,
      island,
      species: target,
    }));
    const byName = await ask(named);
    alike(byName);
    expect(await ask(test.map(({ values }) => values))).toEqual(byName);
    const cells = test.map(({ values: [island, mass, bill] }) => `${island},${mass},${bill}`);
    for (const csv of [
      cells.join('\n'),
      ['bill,year,island,mass', ...test.map(({ values: [i, m, b] }) => `${b},2007,"${i}",${m}`)].join('\r\n'),
    ]) {
      const answer = await predict(csv, 'text/csv');
      expect(answer.statusCode, answer.body).toBe(200);
      expect(answer.json<ClassPredictions>().data.map(({ probabilities }) => probabilities)).toEqual(byName);
    }
  });

  it('takes a missing number as the mean, and a missing text as none', async () => {
    const [nothing, empty] = await ask([{ island: null, mass: null, bill: null }, ['', '', null]]);
    expect(nothing).toEqual(empty);
    expect(await ask([{ island: 'Dream', mass: 3500, bill: 38 }])).not.toEqual([nothing]);
  });

  it.each([
    [[{ island: 'Dream', mass: 3500 }], 'Row 1 lacks bill. Give null where a value is not known.'],
    [
      [{ island: 'Mars', mass: 3500, bill: 38 }],
      'Row 1, island: "Mars" is none of Biscoe, Dream, Torgersen.',
    ],
    [[['Dream', 'much', 38]], 'Row 1, mass: "much" is no number that this model can take.'],
    [[['Dream', 1e300, 38]], 'Row 1, mass: 1e+300 is no number'],
    [[['Dream', 3500]], 'Row 1 has 2 values; this model takes 3: island, mass, bill.'],
    [
      [{ island: { a: 1 }, mass: 1, bill: 1 }],
      'Send {"inputs": [{...}, ...]} with a value, or null, for each column',
    ],
    [[], 'Send {"inputs": [{...}, ...]}'],
  ])('refuses %j', async (inputs, detail) => {
    const problem = expectProblem(await predict(JSON.stringify({ inputs })), 422, 'validation_failed');
    expect(problem.detail).toContain(detail);
  });

  it('refuses bytes, and CSV without rows', async () => {
    expectProblem(await predict('\0\0\0\0', 'application/octet-stream'), 415, 'unsupported_media_type');
    expectProblem(await predict('island,mass,bill\n', 'text/csv'), 422, 'validation_failed');
  });

  it('says that its rows are gone, and keeps its results', async () => {
    const rows = await api.request({ url: `/jobs/${id}/evaluation/rows?limit=3` });
    expect(expectProblem(rows, 404, 'not_found').detail).toBe(
      'The rows of the dataset birds are not here any more.',
    );
    expect((await api.request({ url: `/jobs/${id}` })).json()).toMatchObject({ status: 'succeeded' });
  });

  it('takes them at a checkpoint, too, as long as anything says how they are read', async () => {
    const inputs = test.map(({ values }) => values);
    const payload = JSON.stringify({ inputs });
    const byEpoch = await predict(payload, undefined, '?checkpoint=3');
    expect(byEpoch.statusCode, byEpoch.body).toBe(200);
    const { data } = byEpoch.json<ClassPredictions>();
    expect(data.map(({ probabilities }) => probabilities)).toEqual(await ask(inputs));
    const url = `/jobs/${failed.id}/predict?checkpoint=3`;
    const headers = { 'content-type': 'application/json' };
    const answer = await api.request({ method: 'POST', url, headers, payload });
    expect(expectProblem(answer, 409, 'no_checkpoint').detail).toContain(
      'its dataset birds has been deleted',
    );
  });

  it('is exported with its columns', async () => {
    const json = await api.request({ url: `/jobs/${id}/model?format=json` });
    const columns = JSON.parse(json.json<{ columns: string }>().columns);
    expect(columns.map(({ name }: { name: string }) => name)).toEqual(['island', 'mass', 'bill']);
    const onnx = await api.request({ url: `/jobs/${id}/model?format=onnx` });
    expect(onnx.rawPayload.includes('offsets')).toBe(true);
    const session = await ort.InferenceSession.create(new Uint8Array(onnx.rawPayload));
    const islands = ['Biscoe', 'Dream', 'Torgersen'];
    const encoded = test.flatMap(({ values: [island, mass, bill] }) => [
      ...islands.map((name) => Number(name === island)),
      Number(mass),
      Number(bill),
    ]);
    const input = new ort.Tensor('float32', Float32Array.from(encoded), [test.length, 5]);
    const { probabilities } = await session.run({ input });
    const flat = Array.from(probabilities!.data as Float32Array);
    alike(test.map((_, r) => flat.slice(2 * r, 2 * r + 2)));
    const scaled = await api.request({ url: `/jobs/${id}/model?format=onnx&preprocessing=scaled` });
    expect(scaled.rawPayload.includes('offsets')).toBe(false);
    expect(scaled.rawPayload.includes('(value - offset) / divisor')).toBe(true);
  });
});
