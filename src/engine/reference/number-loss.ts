import type { Loss } from '../../contract/loss.ts';

/**
 * The losses of a model that predicts a number (rule 5): its one output z is compared with the target y of the row.
 *
 * Dims: B = rows of this batch. z, dz: (B). targets: (R), the target of each row of data; rows: (B), row numbers.
 */

const { abs, fround } = Math;

/** l(e) and its derivative for the error e = z - y; both float32. */
interface NumberLoss {
  loss(e: number): number;
  slope(e: number): number;
}

/** The derivative of |e|; NaN stays NaN. */
const sign = (e: number): number => (e > 0 ? 1 : e < 0 ? -1 : e);

/** Beyond this error, huber grows like mae. */
const DELTA = 1;

export const NUMBER_LOSSES: { readonly [Name in Exclude<Loss, 'categorical_crossentropy'>]: NumberLoss } = {
  // 2 * e is exact.
  mse: { loss: (e) => fround(e * e), slope: (e) => fround(2 * e) },
  mae: { loss: abs, slope: sign },
  huber: {
    loss: (e) => (abs(e) <= DELTA ? fround(0.5 * fround(e * e)) : fround(abs(e) - 0.5)),
    slope: (e) => (abs(e) <= DELTA ? e : sign(e)),
  },
};

/** losses[r] = l(z[r] - y), errors[r] = z[r] - y.   losses, errors: (B). */
export function numberLossForward(
  { loss }: NumberLoss,
  losses: Float32Array,
  errors: Float32Array,
  z: Float32Array,
  targets: Float32Array,
  rows: Uint32Array,
  B: number,
): void {
  for (let r = 0; r < B; r += 1) {
    errors[r] = z[r] - targets[rows[r]];
    losses[r] = loss(errors[r]);
  }
}

/** dz[r] = l'(errors[r]) / B: the gradient of the batch's mean loss. */
export function numberLossBackward(
  { slope }: NumberLoss,
  dz: Float32Array,
  errors: Float32Array,
  B: number,
): void {
  for (let r = 0; r < B; r += 1) dz[r] = slope(errors[r]) / B;
}
