import type { JobSpec } from '../../contract/job-spec.ts';
import { exp } from './exp-log.ts';

/**
 * The activation function of the hidden layers (rule 3). Derivatives are computed from the output, so that forward may
 * overwrite its input.
 */
export interface Activation {
  /** h = f(h), element by element, for the first n elements. */
  forward(h: Float32Array, n: number): void;
  /** dh = dh * f'(z) for the first n elements, with f' computed from the output h = f(z). */
  backward(dh: Float32Array, h: Float32Array, n: number): void;
}

const { abs, fround } = Math;

/** relu(z) = max(z, 0), written as a comparison to match rule 3. NaN stays NaN. */
const relu: Activation = {
  forward(h, n) {
    for (let k = 0; k < n; k += 1) if (h[k] < 0) h[k] = 0;
  },
  // The derivative at 0 is taken as 0, the usual convention.
  backward(dh, h, n) {
    for (let k = 0; k < n; k += 1) if (!(h[k] > 0)) dh[k] = 0;
  },
};

/** sigmoid(z) = 1 / (1 + e^-z), in float64, rounded once; sigmoid' = s (1 - s), in float32. */
const sigmoid: Activation = {
  forward(h, n) {
    for (let k = 0; k < n; k += 1) h[k] = sigmoid64(h[k]);
  },
  backward(dh, h, n) {
    for (let k = 0; k < n; k += 1) dh[k] = dh[k] * fround(h[k] * fround(1 - h[k]));
  },
};

/** tanh in float64, rounded once; tanh' = 1 - t^2, in float32. */
const tanh: Activation = {
  forward(h, n) {
    for (let k = 0; k < n; k += 1) h[k] = tanh64(h[k]);
  },
  backward(dh, h, n) {
    for (let k = 0; k < n; k += 1) dh[k] = dh[k] * fround(1 - fround(h[k] * h[k]));
  },
};

/** Uses exp of numbers <= 0 only, so it cannot overflow. Callers round the result to float32 once. */
export function sigmoid64(z: number): number {
  const e = exp(-abs(z));
  return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/** Below this, tanh(z) = z to the last bit of a float32: the next term of the series is z^3 / 3. */
const LINEAR_BELOW = 1 / 4096;

/** tanh z = (1 - e) / (1 + e) with e = e^(-2 |z|), and the sign of z. Callers round the result to float32 once. */
export function tanh64(z: number): number {
  if (abs(z) < LINEAR_BELOW) return z;
  const e = exp(-2 * abs(z));
  const t = (1 - e) / (1 + e);
  return z < 0 ? -t : t;
}

export const ACTIVATIONS: { readonly [Name in JobSpec['model']['activation']]: Activation } = {
  relu,
  tanh,
  sigmoid,
};
