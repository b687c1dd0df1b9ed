import { describe, expect, it } from 'vitest';
import { DATASETS } from '../../src/dataset/registry.ts';
import { slotNames } from '../../src/engine/optimizer-state.ts';
import { ContainerError, encodeContainer } from '../../src/training/container.ts';
import { jobLayout } from '../../src/training/job-engine.ts';
import { decodeModel, encodeModel } from '../../src/training/model-file.ts';
import { smallSpec } from './small-job.ts';

const spec = smallSpec({ model: { hidden_units: [2] } });
const data = { ...DATASETS.mnist_sample.shape, dataset: 'few_digits' };
const job = { spec, data };
const { parameters } = jobLayout(job);
const values = (factor: number) => Float32Array.from({ length: parameters }, (_, k) => k / factor);
const state = {
  weights: values(7),
  slots: slotNames(spec.optimizer).map((name, s) => ({ name, values: values(11 + s) })),
  powers: [],
  steps: 1500,
};
const predicted = Uint16Array.from({ length: data.rows.test }, (_, r) => r % 10);

describe('a model file', () => {
  it('decodes to what was encoded', () => {
    const { weights, ...optimizer } = state;
    expect(decodeModel(encodeModel(state, predicted, job), job)).toEqual({ weights, optimizer, predicted });
  });

  it('of an earlier version decodes to its weights', () => {
    const { weights } = state;
    const about = { data, model: spec.model };
    const bytes = encodeContainer('model', { about, arrays: [{ name: 'weights', values: weights }] });
    expect(decodeModel(bytes, job)).toEqual({ weights });
  });

  it('describes its content in plain text', () => {
    const text = Buffer.from(encodeModel(state, predicted, job)).toString('latin1');
    expect(text).toContain(
      `"kind":"model","about":{"data":${JSON.stringify(data)},"model":${JSON.stringify(spec.model)}`,
    );
  });

  it('refuses weights of another model, damaged bytes, and a file of another job', () => {
    const other = { ...state, weights: state.weights.subarray(1) };
    expect(() => encodeModel(other, predicted, job)).toThrow('1600 parameters, not 1599');
    const bytes = encodeModel(state, predicted, job);
    const wider = { data, spec: smallSpec({ model: { hidden_units: [3] } }) };
    const adam = { data, spec: smallSpec({ model: { hidden_units: [2] }, optimizer: { type: 'adam' } }) };
    for (const of of [wider, adam]) expect(() => decodeModel(bytes, of)).toThrow(ContainerError);
    const unpredicted = encodeModel(state, predicted.subarray(1), job);
    expect(() => decodeModel(unpredicted, job)).toThrow('it lacks what was predicted for each test row');
    const about = { data, model: spec.model };
    const short = [{ name: 'weights', values: state.weights.subarray(1) }];
    expect(() => decodeModel(encodeContainer('model', { about, arrays: short }), job)).toThrow(
      'it does not hold the 1600 float32 weights',
    );
    const arrays = [
      { name: 'weights', values: state.weights },
      { name: 'predicted', values: predicted },
    ];
    expect(() => decodeModel(encodeContainer('model', { about, arrays }), job)).toThrow(
      'its description lacks the number of steps',
    );
    bytes[200] ^= 1;
    expect(() => decodeModel(bytes, job)).toThrow(ContainerError);
  });
});
