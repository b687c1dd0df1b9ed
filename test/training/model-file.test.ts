import { describe, expect, it } from 'vitest';
import { ContainerError } from '../../src/training/container.ts';
import { decodeModelWeights, encodeModel } from '../../src/training/model-file.ts';
import { smallSpec } from './small-job.ts';

const spec = smallSpec({ model: { hidden_units: [2] } });
const weights = Float32Array.from({ length: 784 * 2 + 2 + 2 * 10 + 10 }, (_, k) => k / 7);

describe('a model file', () => {
  it('gives its weights back', () => {
    expect(decodeModelWeights(encodeModel(weights, spec))).toEqual(weights);
  });

  it('says what it is in plain text', () => {
    const text = Buffer.from(encodeModel(weights, spec)).toString('latin1');
    expect(text).toContain(
      '"kind":"model","about":{"dataset":"mnist_sample","inputs":784,"hidden_units":[2]',
    );
  });

  it('refuses weights of another model, and damaged bytes', () => {
    expect(() => encodeModel(weights.subarray(1), spec)).toThrow('1600 parameters, not 1599');
    const bytes = encodeModel(weights, spec);
    bytes[200]! ^= 1;
    expect(() => decodeModelWeights(bytes)).toThrow(ContainerError);
  });
});
