import { describe, expect, it } from 'vitest';
import { DATASETS } from '../../src/dataset/registry.ts';
import { ContainerError } from '../../src/training/container.ts';
import { decodeModelWeights, encodeModel } from '../../src/training/model-file.ts';
import { smallSpec } from './small-job.ts';

const spec = smallSpec({ model: { hidden_units: [2] } });
const data = { ...DATASETS.mnist_sample.shape, dataset: 'few_digits' };
const job = { spec, data };
const weights = Float32Array.from({ length: 784 * 2 + 2 + 2 * 10 + 10 }, (_, k) => k / 7);

describe('a model file', () => {
  it('decodes to the weights that were encoded', () => {
    expect(decodeModelWeights(encodeModel(weights, job))).toEqual(weights);
  });

  it('describes its content in plain text', () => {
    const text = Buffer.from(encodeModel(weights, job)).toString('latin1');
    expect(text).toContain(
      `"kind":"model","about":{"data":${JSON.stringify(data)},"model":${JSON.stringify(spec.model)}}`,
    );
  });

  it('refuses weights of another model, and damaged bytes', () => {
    expect(() => encodeModel(weights.subarray(1), job)).toThrow('1600 parameters, not 1599');
    const bytes = encodeModel(weights, job);
    bytes[200] ^= 1;
    expect(() => decodeModelWeights(bytes)).toThrow(ContainerError);
  });
});
