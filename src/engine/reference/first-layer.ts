import type { Values } from '../engine.ts';

/**
 * The first layer (rules 1, 2 and 6): dense like the others, but most of its inputs may be 0 (81 % in MNIST), which
 * adds nothing to a sum. Leaving those terms out is exact: a sum that starts at +0 does not change when x * w = ±0 is
 * added.
 *
 * Dims: R = rows of values, B = rows of this batch, I = inputs, O = outputs. All row-major. x: (B, I).
 */

const { fround } = Math;

/** BYTE_VALUES[b] = b / 255 as float32: the model's input for the byte b. */
const BYTE_VALUES = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/** x[r, i] = the model's input for values[rows[r], i].   values: (R, I), rows: (B). */
export function readInputs(x: Float32Array, values: Values, rows: Uint32Array, B: number, I: number): void {
  const isBytes = values instanceof Uint8Array;
  for (let r = 0; r < B; r += 1) {
    const row = rows[r] * I;
    for (let i = 0; i < I; i += 1) {
      const value = values[row + i];
      x[r * I + i] = isBytes ? BYTE_VALUES[value] : value;
    }
  }
}

/** z[r, j] = (sum over i ascending of x[r, i] * W[i, j]) + b[j].   z: (B, O), W: (I, O), b: (O). */
export function firstForward(
  z: Float32Array,
  x: Float32Array,
  W: Float32Array,
  b: Float32Array,
  B: number,
  I: number,
  O: number,
): void {
  for (let r = 0; r < B; r += 1) {
    const zr = r * O;
    z.fill(0, zr, zr + O);
    for (let i = 0; i < I; i += 1) {
      const xi = x[r * I + i];
      if (xi === 0) continue;
      const wi = i * O;
      for (let j = 0; j < O; j += 1) z[zr + j] = fround(z[zr + j] + fround(xi * W[wi + j]));
    }
    for (let j = 0; j < O; j += 1) z[zr + j] = fround(z[zr + j] + b[j]);
  }
}

/**
 * dW[i, j] = sum over r ascending of x[r, i] * dz[r, j].   dW: (I, O), dz: (B, O). dW must be +0 on entry.
 *
 * touched: (I), set to 1 where x[r, i] != 0 for some row r of the batch, and to 0 elsewhere.
 */
export function firstBackwardWeights(
  dW: Float32Array,
  touched: Uint8Array,
  dz: Float32Array,
  x: Float32Array,
  B: number,
  I: number,
  O: number,
): void {
  touched.fill(0);
  for (let r = 0; r < B; r += 1) {
    const dzr = r * O;
    for (let i = 0; i < I; i += 1) {
      const xi = x[r * I + i];
      if (xi === 0) continue;
      touched[i] = 1;
      const wi = i * O;
      for (let j = 0; j < O; j += 1) dW[wi + j] = fround(dW[wi + j] + fround(xi * dz[dzr + j]));
    }
  }
}
