import { beforeAll, describe, expect, it } from 'vitest';
import { EVALUATION, NUMBER_EVALUATION } from '../../src/api/openapi/result-examples.ts';
import type { Comparison } from '../../src/contract/comparison.ts';
import type { Dataset } from '../../src/contract/dataset.ts';
import type { EvaluationRows } from '../../src/contract/evaluation-rows.ts';
import type { Job } from '../../src/contract/job.ts';
import type { JobPlan } from '../../src/contract/job-plan.ts';
import { JobSpecSchema } from '../../src/contract/job-spec.ts';
import type { PredictionList } from '../../src/contract/prediction.ts';
import { resolveDataset } from '../../src/dataset/registry.ts';
import { encodeModel } from '../../src/training/model-file.ts';
import { type TrainedModel, trainedModel } from '../export/trained-model.ts';
import { unzip } from '../export/unzip.ts';
import { created, epochReport, successOf } from '../store/open-store.ts';
import { expectProblem, openApi } from './open-api.ts';

/** A job that predicts a number, beside one that predicts classes. */

const api = openApi();
const SPEC = {
  name: 'a number',
  dataset: 'sine',
  model: { hidden_units: [8] },
  training: { epochs: 1 },
  engine: 'wasm',
};
const target = resolveDataset('sine').target!;

let model: TrainedModel;
/** The job of a number, and that of classes. */
let id: string;
let other: string;

const MEASURED = { accuracy: null, val_loss: 0.5, val_accuracy: null, mae: 0.25, val_mae: 0.375 };

beforeAll(async () => {
  model = await trainedModel(SPEC);
  const { spec, data, file } = model.exported('raw');
  const job = await api.running(SPEC);
  ({ id } = job);
  const report = epochReport(1);
  await api.transitions.epoch(id, job.token, { ...report, metrics: { ...report.metrics, ...MEASURED } });
  const bytes = encodeModel({ weights: file.weights, ...file.optimizer! }, file.predicted!, { spec, data });
  const success = successOf(1);
  const number = { loss: 0.5, accuracy: null, mae: 0.5 };
  await api.transitions.finish(id, job.token, {
    ...success,
    model: await api.artifacts.write(id, '1-model.bin', bytes),
    evaluation: await api.artifacts.write(
      id,
      '1-evaluation.json',
      Buffer.from(JSON.stringify(NUMBER_EVALUATION)),
    ),
    result: {
      ...success.result,
      test: number,
      train: number,
      validation: number,
      best: { val_loss: { epoch: 1, value: 0.5 }, val_accuracy: null, val_mae: { epoch: 1, value: 0.375 } },
    },
  });
  const ofClasses = await api.running({ dataset: 'moons' });
  other = ofClasses.id;
  await api.transitions.epoch(other, ofClasses.token, epochReport(1));
  await api.transitions.finish(other, ofClasses.token, {
    ...successOf(1),
    evaluation: await api.artifacts.write(other, '1-evaluation.json', Buffer.from('{}')),
  });
});

const get = (path: string) => api.request({ url: `/jobs/${id}${path}` });

describe('the loss of a spec', () => {
  const validate = (spec: object) =>
    api.request({
      method: 'POST',
      url: '/jobs/validate',
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify(spec),
    });

  it('is written out: the one that was asked for, or the first that fits the data', async () => {
    for (const [spec, loss] of [
      [{}, 'categorical_crossentropy'],
      [{ dataset: 'sine' }, 'mse'],
      [{ dataset: 'sine', loss: 'huber' }, 'huber'],
    ] as const) {
      expect((await validate(spec)).json<JobPlan>().spec.loss).toBe(loss);
      const job = await api.create(spec);
      expect((await api.request({ url: `/jobs/${job.id}` })).json<Job>().spec).toEqual(job.spec);
      expect(job.spec.loss).toBe(loss);
      // Beside the optimizer, where Keras has it as well.
      expect(Object.keys(job.spec).slice(3, 5)).toEqual(['optimizer', 'loss']);
    }
  });

  it('of another task is refused, with those that fit', async () => {
    for (const send of [validate, api.post]) {
      const classes = expectProblem(await send({ loss: 'mse' }), 422, 'validation_failed');
      expect(classes.errors).toEqual([
        {
          in: 'body',
          pointer: '/loss',
          detail: 'must be categorical_crossentropy for mnist, whose rows have classes; got mse',
        },
      ]);
      const number = expectProblem(
        await send({ dataset: 'sine', loss: 'categorical_crossentropy' }),
        422,
        'validation_failed',
      );
      expect(number.detail).toBe(
        '/loss must be mse or mae or huber for sine, whose rows have numbers; got categorical_crossentropy',
      );
    }
  });
});

describe('a job of an older version, whose spec names no loss and which knows no errors of numbers,', () => {
  it('is shown in every form', async () => {
    const older = await created(api.store, { owner: 'local', spec: JobSpecSchema.parse({ name: 'older' }) });
    const token = await api.start(older);
    const { mae: _, val_mae: __, ...row } = epochReport(1).metrics;
    await api.transitions.epoch(older, token, { ...epochReport(1), metrics: row });
    const { result, ...success } = successOf(1);
    const { task: ___, ...evaluation } = EVALUATION;
    await api.transitions.finish(older, token, {
      ...success,
      evaluation: await api.artifacts.write(
        older,
        '1-evaluation.json',
        Buffer.from(JSON.stringify(evaluation)),
      ),
      result: { ...result, test: { loss: 0.1, accuracy: 0.97 }, train: { loss: 0.1, accuracy: 0.97 } },
    });
    const read = async (path: string) => {
      const response = await api.request({ url: path.replace('ID', older) });
      expect(response.statusCode, `${path}: ${response.body}`).toBe(200);
      return response;
    };
    expect((await read('/jobs/ID')).json<Job>().spec).not.toHaveProperty('loss');
    expect((await read('/jobs/ID/metrics?format=columns')).json().columns).toMatchObject({ mae: [null] });
    expect((await read('/jobs/ID/metrics?format=csv')).body).toContain('\r\n1,100,1,0.5,,,,,0.001,');
    expect((await read('/jobs/ID/charts/accuracy.svg')).body).toContain('Training Accuracy: 0.5');
    expect((await read('/jobs/ID/charts/mae.svg')).body).toContain('no MAE: this job predicts classes');
    for (const path of [
      '/jobs/ID/metrics',
      '/jobs/ID/metrics?format=tensorboard',
      '/jobs/ID/evaluation',
      '/jobs/ID/charts/confusion.svg',
      `/compare?jobs=ID,${id}`,
      `/compare?jobs=ID,${id}&format=csv`,
      `/compare/charts/mae.svg?jobs=ID,${id}`,
      '/jobs?name=older&format=csv',
      '/jobs/ID/events',
    ]) {
      await read(path);
    }
  });
});

describe('a job that predicts a number', () => {
  it('is of a dataset without classes', async () => {
    const { data } = (await api.request({ url: '/datasets' })).json<{ data: Dataset[] }>();
    expect(data.find(({ name }) => name === 'sine')).toMatchObject({
      task: 'regression',
      classes: null,
      target,
    });
    expect(data.find(({ name }) => name === 'moons')).toMatchObject({
      task: 'classification',
      target: null,
    });
  });

  it('has errors instead of accuracies', async () => {
    const { latest, result } = (await get('')).json<Job>();
    expect(latest).toEqual({ epoch: 1, loss: 1, ...MEASURED });
    expect(result).toMatchObject({
      test: { loss: 0.5, accuracy: null, mae: 0.5 },
      best: { val_accuracy: null, val_mae: { epoch: 1, value: 0.375 } },
    });
  });

  it('has them in every form of its metrics', async () => {
    const [row] = (await get('/metrics')).json().data;
    expect(row).toMatchObject(MEASURED);
    expect((await get('/metrics?format=columns')).json().columns).toMatchObject({
      accuracy: [null],
      mae: [0.25],
      val_mae: [0.375],
    });
    const [names, values] = (await get('/metrics?format=csv')).body.split('\r\n');
    expect(names).toMatch(/^epoch,step,loss,accuracy,val_loss,val_accuracy,mae,val_mae,/);
    expect(values).toMatch(/^1,100,1,,0\.5,,0\.25,0\.375,/);
    const runs = unzip((await get('/metrics?format=tensorboard')).rawPayload);
    for (const [name, bytes] of runs) {
      expect(bytes.includes('epoch_mae'), name).toBe(true);
      expect(bytes.includes('epoch_accuracy'), name).toBe(false);
    }
    expect(runs.size).toBe(2);
  });

  it('is found by what it has: filters of an accuracy leave it out, and orders put it last', async () => {
    const found = async (query: string) =>
      (await api.request({ url: `/jobs?${query}` }))
        .json<{ data: Job[] }>()
        .data.map((job) => job.id)
        .filter((each) => each === id || each === other);
    expect(await found('test_accuracy=gte:0')).toEqual([other]);
    expect(await found('test_accuracy=lte:1&dataset=sine')).toEqual([]);
    expect(await found('val_loss=lte:0.5')).toEqual([id]);
    expect(await found('sort=test_accuracy&status=succeeded')).toEqual([other, id]);
    expect(await found('sort=-test_accuracy&status=succeeded')).toEqual([other, id]);
    const { body } = await api.request({ url: '/jobs?format=csv&dataset=sine&status=succeeded' });
    const [names, values] = body.split('\r\n').map((line) => line.split(','));
    const cell = (name: string) => values![names!.indexOf(name)];
    expect(
      ['test_mae', 'test_accuracy', 'mae', 'val_mae', 'best_val_mae'].map((m) => cell(`metrics.${m}`)),
    ).toEqual(['0.5', '', '0.25', '0.375', '0.375']);
    expect(cell('params.loss')).toBe('mse');
  });

  it('stands beside others in a comparison', async () => {
    const { body } = await api.request({ url: `/compare?jobs=${id},${other}` });
    const comparison = JSON.parse(body) as Comparison;
    expect(comparison.jobs.map(({ test_mae, test_accuracy }) => [test_mae, test_accuracy])).toEqual([
      [0.5, null],
      [null, 0.97],
    ]);
    expect(comparison.order).toMatchObject({ test_mae: [id], test_accuracy: [other] });
    expect(comparison.curves).toMatchObject({ val_mae: [[0.375, null]], accuracy: [[null, 0.5]] });
    expect(comparison.different.loss).toEqual(['mse', 'categorical_crossentropy']);
    const { body: svg } = await api.request({ url: `/compare/charts/val_mae.svg?jobs=${id},${other}` });
    expect(svg).toContain('Validation MAE');
  });

  it('has charts of its errors; that of accuracies says that there are none', async () => {
    expect((await get('/charts/mae.svg')).body).toContain('Training MAE: 0.25 after epoch 1.');
    expect((await get('/charts/accuracy.svg')).body).toContain('no accuracy: this job predicts a number');
    const residuals = await get('/charts/residuals.svg');
    expect(residuals.body).toContain('4 test rows: MAE 1.25, RMSE 1.658, R² 0.9688.');
    expectProblem(await get('/charts/confusion.svg'), 404, 'not_found');
    const { links } = (await get('')).json<Job>();
    expect([links.mae_chart, links.residual_chart]).toEqual([
      `/jobs/${id}/charts/mae.svg`,
      `/jobs/${id}/charts/residuals.svg`,
    ]);
    const ofOther = (name: string) => api.request({ url: `/jobs/${other}/charts/${name}.svg` });
    expect((await ofOther('mae')).body).toContain('no MAE: this job predicts classes');
    expectProblem(await ofOther('residuals'), 404, 'not_found');
  });

  it('has an evaluation, and test rows with the number and the one predicted', async () => {
    expect((await get('/evaluation')).json()).toEqual(NUMBER_EVALUATION);
    const { data, total, next, links } = (await get('/evaluation/rows?limit=3')).json<EvaluationRows>();
    expect(links.images).toBeNull();
    expect([data.length, total]).toEqual([3, 500]);
    for (const { index, predicted } of data) {
      expect(predicted).toBe(target.mean + target.deviation * model.probabilities[index]!);
    }
    expect((await api.request({ url: next! })).json<EvaluationRows>().data[0]!.index).toBe(3);
    const filtered = expectProblem(await get('/evaluation/rows?actual=1'), 422, 'validation_failed');
    expect(filtered.detail).toContain('this one predicts a number');
  });

  it('predicts in the unit of the data', async () => {
    const ask = (payload: string, type: string) =>
      api.request({ method: 'POST', url: `/jobs/${id}/predict`, headers: { 'content-type': type }, payload });
    const inputs = [...model.values.subarray(0, 3)].map((value) => [value]);
    const answer = (await ask(JSON.stringify({ inputs }), 'application/json')).json<PredictionList>();
    expect(answer).toMatchObject({
      task: 'regression',
      data: [0, 1, 2].map((row) => ({
        value: target.mean + target.deviation * model.probabilities[row]!,
      })),
    });
    expect((await ask(`x\n${inputs.join('\n')}`, 'text/csv')).json()).toEqual(answer);
  });

  it('has no answer for values that its model makes infinite', async () => {
    const { spec, data, file } = model.exported('raw');
    const job = await api.running(SPEC);
    const state = { weights: file.weights.map(() => 2), ...file.optimizer! };
    const bytes = encodeModel(state, file.predicted!, { spec, data });
    const written = await api.artifacts.write(job.id, '1-model.bin', bytes);
    await api.transitions.finish(job.id, job.token, { ...successOf(0), model: written });
    const response = await api.request({
      method: 'POST',
      url: `/jobs/${job.id}/predict`,
      headers: { 'content-type': 'text/csv' },
      payload: '0\n3.4e38\n',
    });
    expect(expectProblem(response, 422, 'validation_failed').detail).toContain(
      'Row 2: its values are so large',
    );
  });

  it('has a model in every format', async () => {
    for (const format of ['safetensors', 'onnx', 'keras', 'weights.h5', 'json']) {
      expect((await get(`/model?format=${format}`)).statusCode).toBe(200);
    }
    expect((await get('/model?format=json')).json()).toMatchObject({
      classes: null,
      output_scale: String(target.deviation),
      output_offset: String(target.mean),
    });
  });
});
