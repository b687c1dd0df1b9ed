/**
 * The first layer (rules 1, 2 and 6): dense like the others, but its inputs are pixels, most of which are 0 (81 % in
 * MNIST) and add nothing to a sum. Leaving those terms out is exact: a sum that starts at +0 does not change when
 * x * w = ±0 is added.
 *
 * Dims: R = rows of images, B = rows of this batch, I = pixels of an image, O = outputs. All row-major.
 * images: (R, I), one byte per pixel. rows: (B), the batch's row numbers in images.
 */

const { fround } = Math;

/** PIXEL_VALUES[p] = p / 255 as float32: the model's input for the byte p. */
const PIXEL_VALUES = Float32Array.from({ length: 256 }, (_, pixel) => pixel / 255);

/** z[r, j] = (sum over i ascending of x[r, i] * W[i, j]) + b[j].   z: (B, O), W: (I, O), b: (O). */
export function pixelsForward(
  z: Float32Array,
  images: Uint8Array,
  rows: Uint32Array,
  W: Float32Array,
  b: Float32Array,
  B: number,
  I: number,
  O: number,
): void {
  for (let r = 0; r < B; r += 1) {
    const image = rows[r] * I;
    const zr = r * O;
    z.fill(0, zr, zr + O);
    for (let i = 0; i < I; i += 1) {
      const pixel = images[image + i];
      if (pixel === 0) continue;
      const x = PIXEL_VALUES[pixel];
      const wi = i * O;
      for (let j = 0; j < O; j += 1) z[zr + j] = fround(z[zr + j] + fround(x * W[wi + j]));
    }
    for (let j = 0; j < O; j += 1) z[zr + j] = fround(z[zr + j] + b[j]);
  }
}

/**
 * dW[i, j] = sum over r ascending of x[r, i] * dz[r, j].   dW: (I, O), dz: (B, O). dW must be +0 on entry.
 *
 * touched: (I), set to 1 where x[r, i] != 0 for some row r of the batch, and to 0 elsewhere.
 */
export function pixelsBackwardWeights(
  dW: Float32Array,
  touched: Uint8Array,
  dz: Float32Array,
  images: Uint8Array,
  rows: Uint32Array,
  B: number,
  I: number,
  O: number,
): void {
  touched.fill(0);
  for (let r = 0; r < B; r += 1) {
    const image = rows[r] * I;
    const dzr = r * O;
    for (let i = 0; i < I; i += 1) {
      const pixel = images[image + i];
      if (pixel === 0) continue;
      touched[i] = 1;
      const x = PIXEL_VALUES[pixel];
      const wi = i * O;
      for (let j = 0; j < O; j += 1) dW[wi + j] = fround(dW[wi + j] + fround(x * dz[dzr + j]));
    }
  }
}
