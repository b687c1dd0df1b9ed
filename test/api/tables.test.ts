import { beforeAll, describe, expect, it } from 'vitest';
import type { Dataset } from '../../src/contract/dataset.ts';
import type { ClassPredictions } from '../../src/contract/prediction.ts';
import { encodeModel } from '../../src/training/model-file.ts';
import { type TrainedModel, trainedModel } from '../export/trained-model.ts';
import { SUCCESS } from '../store/open-store.ts';
import { expectProblem, openApi } from './open-api.ts';

/** Data that are no images: points in a plane. */

const api = openApi();
const SPEC = { dataset: 'moons', model: { hidden_units: [8] }, training: { epochs: 1 }, engine: 'wasm' };

let model: TrainedModel;
let id: string;

beforeAll(async () => {
  model = await trainedModel(SPEC);
  const { spec, data, file } = model.exported('raw');
  const running = await api.running(SPEC);
  ({ id } = running);
  const state = { weights: file.weights, ...file.optimizer! };
  const bytes = encodeModel(state, file.predicted!, { spec, data });
  const written = await api.artifacts.write(id, '1-model.bin', bytes);
  await api.transitions.finish(id, running.token, { ...SUCCESS, model: written });
});

const ask = async (payload: Buffer | string, type: string) =>
  await api.request({
    method: 'POST',
    url: `/jobs/${id}/predict`,
    headers: { 'content-type': type },
    payload,
  });

describe('points in a plane', () => {
  it('are a dataset of two numbers a row, without files and pictures', async () => {
    const { data } = (await api.request({ url: '/datasets' })).json<{ data: Dataset[] }>();
    expect(data.find(({ name }) => name === 'moons')).toMatchObject({
      kind: 'table',
      inputs: 2,
      image: null,
      classes: ['upper', 'lower'],
      files: [],
      problem: null,
    });
    const picture = await api.request({ url: '/datasets/moons/rows/test/0.png' });
    expectProblem(picture, 404, 'not_found');
    expect(picture.json().detail).toBe('The rows of moons are no images, but 2 numbers each.');
  });

  it('are what a job trains on, and what its model is asked', async () => {
    expect((await api.create({ dataset: 'moons' })).spec.dataset).toBe('moons');
    const rows = [0, 7].map((row) => [...model.values.subarray(2 * row, 2 * row + 2)]);
    const json = await ask(JSON.stringify({ inputs: rows }), 'application/json');
    expect(json.statusCode, json.body).toBe(200);
    const expected = [0, 7].flatMap((row) => [...model.probabilities.subarray(2 * row, 2 * row + 2)]);
    expect(json.json<ClassPredictions>().data.flatMap(({ probabilities }) => probabilities)).toEqual(
      expected,
    );
    const csv = await ask(`x,y\n${rows.map((row) => row.join()).join('\n')}`, 'text/csv');
    expect(csv.json()).toEqual(json.json());
    const picture = await ask('\x89PNG', 'image/png');
    expect(picture.statusCode).toBe(415);
  });

  it('have test rows, but no pictures of them', async () => {
    const rows = await api.request({ url: `/jobs/${id}/evaluation/rows?actual=upper&limit=3` });
    expect(rows.json().data.map(({ actual }: { actual: string }) => actual)).toEqual([
      'upper',
      'upper',
      'upper',
    ]);
    const picture = await api.request({ url: `/jobs/${id}/evaluation/rows.png?actual=upper` });
    expectProblem(picture, 404, 'not_found');
    expect(picture.json().detail).toBe('The rows of moons are no images. Ask for them without .png.');
  });
});
