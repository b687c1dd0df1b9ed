import { ContainerError, decodeContainer, encodeContainer } from './container.ts';
import { type JobInput, jobLayout } from './job-engine.ts';

/** The finished model as one file: the data it was trained on, its shape, and its weights in layout order. */

const KIND = 'model';

/** weights: (P) of the job's model. */
export function encodeModel(weights: Float32Array, job: JobInput): Uint8Array {
  const { parameters } = jobLayout(job);
  if (weights.length !== parameters) {
    throw new Error(`the job's model has ${parameters} parameters, not ${weights.length}`);
  }
  return encodeContainer(KIND, {
    about: { data: job.data, model: job.spec.model },
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
