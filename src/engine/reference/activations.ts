import type { Activation as ActivationName } from '../../contract/activation.ts';
import { exp } from './exp-log.ts';
import { log1p } from './log1p.ts';

/**
 * The activation function of the hidden layers (rule 3). Derivatives are computed from the output, so that forward may
 * overwrite its input, or with the output and kept (`keepsSlopes` in ../activation-traits.ts).
 */
export interface Activation {
  /** h = f(h), element by element, for the first n elements; slopes = f'(h) if the activation keeps them. */
  forward(h: Float32Array, slopes: Float32Array, n: number): void;
  /** dh = dh * f'(z) for the first n elements, from the output h = f(z) or the slopes that forward kept. */
  backward(dh: Float32Array, h: Float32Array, slopes: Float32Array, n: number): void;
}

const { abs, fround } = Math;

/** relu(z) = max(z, 0), written as a comparison to match rule 3. NaN stays NaN. */
const relu: Activation = {
  forward(h, _slopes, n) {
    for (let k = 0; k < n; k += 1) if (h[k] < 0) h[k] = 0;
  },
  // The derivative at 0 is taken as 0, the usual convention.
  backward(dh, h, _slopes, n) {
    for (let k = 0; k < n; k += 1) if (!(h[k] > 0)) dh[k] = 0;
  },
};

/** An activation whose derivative is a float32 computed from the output. f is rounded once. */
const fromOutput = (f: (z: number) => number, slope: (h: number) => number): Activation => ({
  forward(h, _slopes, n) {
    for (let k = 0; k < n; k += 1) h[k] = f(h[k]);
  },
  backward(dh, h, _slopes, n) {
    for (let k = 0; k < n; k += 1) dh[k] = dh[k] * slope(h[k]);
  },
});

/** An activation whose derivative is computed from z, in float64, rounded once and kept. */
const withSlopes = (f: (z: number) => number, slope: (z: number) => number): Activation => ({
  forward(h, slopes, n) {
    for (let k = 0; k < n; k += 1) {
      const z = h[k];
      h[k] = f(z);
      slopes[k] = slope(z);
    }
  },
  backward(dh, _h, slopes, n) {
    for (let k = 0; k < n; k += 1) dh[k] = dh[k] * slopes[k];
  },
});

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

/** The slope of leaky_relu below 0: Keras's default. */
const NEGATIVE_SLOPE = fround(0.2);

/** 2^-24: nearer to 0, e^z - 1 = z to the last bit of a float32, and the difference would lose all its digits. */
const EXP_LINEAR_ABOVE = -1 / 16_777_216;

/** z, or e^z - 1 where z is negative. Callers round the result to float32 once. */
export function elu64(z: number): number {
  return z > EXP_LINEAR_ABOVE ? z : exp(z) - 1;
}

/**
 * scale * z, or scale * alpha * (e^z - 1) where z is negative, with the constants of Klambauer et al.: Self-Normalizing
 * Neural Networks (2017), eq. 14.
 */
export function selu64(z: number): number {
  return z > 0 ? SELU_SCALE * z : SELU_SCALE_ALPHA * elu64(z);
}
const SELU_SCALE = 1.0507009873554805;
const SELU_SCALE_ALPHA = 1.7580993408473768;

/** z * sigmoid(z). */
export const silu64 = (z: number): number => z * sigmoid64(z);

/** s (1 + z (1 - s)) with s = sigmoid(z). */
export function siluSlope64(z: number): number {
  const s = sigmoid64(z);
  return s * (1 + z * (1 - s));
}

/** 2 sqrt(2 / pi), and the constant of the cubic term. */
const GELU_SCALE = 1.5957691216057308;
const GELU_CUBIC = 0.044715;

/**
 * 0.5 z (1 + tanh(sqrt(2 / pi) (z + 0.044715 z^3))), written as z sigmoid(v) with twice the argument of the tanh as v,
 * because 1 + tanh loses all digits where it is near 0.
 *
 * Hendrycks, Gimpel: Gaussian Error Linear Units (2016), section 2.
 */
export const geluTanh64 = (z: number): number => z * sigmoid64(geluArgument(z));

const geluArgument = (z: number): number => GELU_SCALE * (z + GELU_CUBIC * (z * z * z));

/** s (1 + z (1 - s) v') with s = sigmoid(v), v' = dv / dz. */
export function geluTanhSlope64(z: number): number {
  const s = sigmoid64(geluArgument(z));
  const dv = GELU_SCALE * (1 + 3 * GELU_CUBIC * (z * z));
  return s * (1 + z * ((1 - s) * dv));
}

/** log(1 + e^z) = max(z, 0) + log(1 + e^-|z|). */
export function softplus64(z: number): number {
  const rest = log1p(exp(-abs(z)));
  return z > 0 ? z + rest : rest;
}

export const ACTIVATIONS: { readonly [Name in ActivationName]: Activation } = {
  relu,
  /** tanh' = 1 - t^2. */
  tanh: fromOutput(tanh64, (t) => fround(1 - fround(t * t))),
  /** 1 / (1 + e^-z); sigmoid' = s (1 - s). */
  sigmoid: fromOutput(sigmoid64, (s) => fround(s * fround(1 - s))),
  leaky_relu: fromOutput(
    (z) => (z < 0 ? fround(NEGATIVE_SLOPE * z) : z),
    (h) => (h > 0 ? 1 : NEGATIVE_SLOPE),
  ),
  /** elu' = elu + 1 where z is negative. */
  elu: fromOutput(elu64, (h) => (h < 0 ? fround(h + 1) : 1)),
  /** selu' = selu + scale * alpha where z is negative. */
  selu: fromOutput(selu64, (h) => (h < 0 ? fround(h + fround(SELU_SCALE_ALPHA)) : fround(SELU_SCALE))),
  gelu_tanh: withSlopes(geluTanh64, geluTanhSlope64),
  silu: withSlopes(silu64, siluSlope64),
  softplus: withSlopes(softplus64, sigmoid64),
  linear: { forward() {}, backward() {} },
};
