/**
 * A dense layer after the first: y = x W + b, and its gradients (rules 2 and 6). The innermost loop always runs over
 * outputs, so that each sum adds its terms in the stated order; every product and sum is rounded.
 *
 * Dims: B = rows of this batch, I = inputs, O = outputs. All row-major.
 * x: (B, I), W: (I, O), b: (O), z and dz: (B, O), dx: (B, I), dW: (I, O), db: (O).
 */

const { fround } = Math;

/** z[r, j] = (sum over i ascending of x[r, i] * W[i, j]) + b[j]. */
export function denseForward(
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
      const wi = i * O;
      for (let j = 0; j < O; j += 1) z[zr + j] = fround(z[zr + j] + fround(xi * W[wi + j]));
    }
    for (let j = 0; j < O; j += 1) z[zr + j] = fround(z[zr + j] + b[j]);
  }
}

/** dx[r, k] = sum over j ascending of dz[r, j] * W[k, j]. */
export function denseBackwardInputs(
  dx: Float32Array,
  dz: Float32Array,
  W: Float32Array,
  B: number,
  I: number,
  O: number,
): void {
  for (let r = 0; r < B; r += 1) {
    const dxr = r * I;
    dx.fill(0, dxr, dxr + I);
    for (let j = 0; j < O; j += 1) {
      const d = dz[r * O + j];
      for (let k = 0; k < I; k += 1) dx[dxr + k] = fround(dx[dxr + k] + fround(d * W[k * O + j]));
    }
  }
}

/** dW[k, j] = sum over r ascending of x[r, k] * dz[r, j].   dW must be +0 on entry. */
export function denseBackwardWeights(
  dW: Float32Array,
  x: Float32Array,
  dz: Float32Array,
  B: number,
  I: number,
  O: number,
): void {
  for (let r = 0; r < B; r += 1) {
    const dzr = r * O;
    for (let k = 0; k < I; k += 1) {
      const xk = x[r * I + k];
      const wk = k * O;
      for (let j = 0; j < O; j += 1) dW[wk + j] = fround(dW[wk + j] + fround(xk * dz[dzr + j]));
    }
  }
}

/** db[j] = sum over r ascending of dz[r, j].   db must be +0 on entry. */
export function denseBackwardBiases(db: Float32Array, dz: Float32Array, B: number, O: number): void {
  for (let r = 0; r < B; r += 1) {
    for (let j = 0; j < O; j += 1) db[j] = fround(db[j] + dz[r * O + j]);
  }
}
