import type { JobSpec } from '../contract/job-spec.ts';

/**
 * What stands behind each hidden layer. Derivatives are taken from the output, so that forward may write over
 * its input.
 */
export type Activation = {
  /** h = f(h), element by element, for the first n. */
  forward(h: Float32Array, n: number): void;
  /** dh = dh * f'(z), with f' read off the output h = f(z), for the first n. */
  backward(dh: Float32Array, h: Float32Array, n: number): void;
};

/** relu(z) = max(z, 0). NaN stays NaN: a comparison, not Math.max. */
const relu: Activation = {
  forward(h, n) {
    for (let k = 0; k < n; k += 1) if (h[k]! < 0) h[k] = 0;
  },
  // The derivative at 0 is taken as 0, as everybody does.
  backward(dh, h, n) {
    for (let k = 0; k < n; k += 1) if (!(h[k]! > 0)) dh[k] = 0;
  },
};

export const ACTIVATIONS: { readonly [Name in JobSpec['model']['activation']]: Activation } = { relu };
