import type { JobSpec } from '../contract/job-spec.ts';
import { DATASETS } from '../dataset/registry.ts';
import { ContainerError, decodeContainer, encodeContainer } from './container.ts';
import { jobLayout } from './job-engine.ts';

/** The finished model as one file: what it was trained on, its shape, its weights in layout order. */

const KIND = 'model';

/** weights: (P) of the spec's model. */
export function encodeModel(weights: Float32Array, spec: JobSpec): Uint8Array {
  const { pixels, classes } = DATASETS[spec.dataset];
  const { parameters } = jobLayout(spec);
  if (weights.length !== parameters) {
    throw new Error(`the spec's model has ${parameters} parameters, not ${weights.length}`);
  }
  return encodeContainer(KIND, {
    about: { dataset: spec.dataset, inputs: pixels, ...spec.model, classes },
    arrays: [{ name: 'weights', values: weights }],
  });
}

/** The weights in a model file: (P), not checked against any spec. @throws {ContainerError} */
export function decodeModelWeights(bytes: Uint8Array): Float32Array {
  const [weights, ...others] = decodeContainer(KIND, bytes).arrays;
  if (!(weights?.values instanceof Float32Array) || others.length > 0) {
    throw new ContainerError('it does not hold one array of float32 weights');
  }
  return weights.values;
}
