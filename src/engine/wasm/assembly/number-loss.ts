import { LOSS, LOSS_HUBER, LOSS_MSE, LOSSES, PANEL_BYTES } from '../../kernel/header.ts';

/**
 * The losses of a model that predicts a number; the formulas are in ../../reference/number-loss.ts.
 *
 * Dims: R = rows of data, B = rows of this batch. z and e: (B, 16), of which the first column is used; the others of e
 * are +0. targets: (R), rows: (B), the batch's row numbers.
 */

/** The derivative of |e|; NaN stays NaN. */
@inline
function signOf(e: f32): f32 {
  return e > 0 ? 1 : e < 0 ? -1 : e;
}

function numberLoss(loss: u32, e: f32): f32 {
  if (loss == LOSS_MSE) return e * e;
  if (loss == LOSS_HUBER) return abs<f32>(e) <= 1 ? <f32>0.5 * (e * e) : abs<f32>(e) - <f32>0.5;
  return abs<f32>(e);
}

function numberSlope(loss: u32, e: f32): f32 {
  if (loss == LOSS_MSE) return <f32>2 * e;
  if (loss == LOSS_HUBER && abs<f32>(e) <= 1) return e;
  return signOf(e);
}

/** e[r] = z[r] - y, losses[r] = l(e[r]). */
export function numberLossForward(e: usize, z: usize, targets: usize, rows: usize, B: u32): void {
  const loss = load<u32>(0, LOSS);
  const losses = load<usize>(0, LOSSES);
  for (let r: u32 = 0; r < B; r += 1) {
    const error = load<f32>(z) - load<f32>(targets + (load<u32>(rows + (r << 2)) << 2));
    memory.fill(e, 0, PANEL_BYTES);
    store<f32>(e, error);
    store<f32>(losses + (r << 2), numberLoss(loss, error));
    z += PANEL_BYTES;
    e += PANEL_BYTES;
  }
}

/** dz[r] = l'(e[r]) / B, written over e. */
export function numberLossBackward(e: usize, B: u32): void {
  const loss = load<u32>(0, LOSS);
  for (let r: u32 = 0; r < B; r += 1) {
    store<f32>(e, numberSlope(loss, load<f32>(e)) / <f32>B);
    e += PANEL_BYTES;
  }
}
