import type { LabelValues } from '../label-smoothing.ts';
import { exp, log } from './exp-log.ts';

/**
 * Softmax and categorical cross-entropy combined (rule 5), since together they are simpler than either alone: the
 * gradient of the loss with respect to the logits is the probabilities minus the one-hot label.
 *
 * Dims: B = rows of this batch, O = classes. z, p and dz: (B, O), row-major. targets: (R), the class of each row of
 * data; rows: (B), the batch's row numbers.
 */

const { fround } = Math;

/**
 * p[r, j] = e[j] / s with e[j] = exp(z[r, j] - m), m = the row's largest logit, s = sum of e
 * losses[r] = -log p[r, y] = log(s) - (z[r, y] - m); with label smoothing the sum over j of that for j, times its target
 * predicted[r] = the class with the largest logit, the lowest index among equals
 *
 * Subtracting m first does not change the result mathematically and keeps exp from overflowing. losses, predicted: (B).
 */
export function softmaxLossForward(
  losses: Float32Array,
  predicted: Uint16Array,
  p: Float32Array,
  z: Float32Array,
  targets: Uint16Array,
  rows: Uint32Array,
  B: number,
  O: number,
  { on, off }: LabelValues,
): void {
  for (let r = 0; r < B; r += 1) {
    const zr = r * O;
    let best = 0;
    for (let j = 1; j < O; j += 1) if (z[zr + j] > z[zr + best]) best = j;
    const m = z[zr + best];

    let s = 0;
    for (let j = 0; j < O; j += 1) {
      const e = fround(exp(fround(z[zr + j] - m)));
      p[zr + j] = e;
      s = fround(s + e);
    }
    for (let j = 0; j < O; j += 1) p[zr + j] = fround(p[zr + j] / s);

    const y = targets[rows[r]];
    const logOfSum = fround(log(s));
    let loss = fround(logOfSum - fround(z[zr + y] - m));
    if (off > 0) {
      loss = 0;
      for (let j = 0; j < O; j += 1) {
        loss = fround(loss + fround((j === y ? on : off) * fround(logOfSum - fround(z[zr + j] - m))));
      }
    }
    losses[r] = loss;
    predicted[r] = best;
  }
}

/**
 * dz[r, j] = (p[r, j] - (on where j is the target, else off)) / B * weight of the target: the gradient of the batch's mean
 * loss. weights: (O), or null for weights of 1.
 */
export function softmaxLossBackward(
  dz: Float32Array,
  p: Float32Array,
  targets: Uint16Array,
  rows: Uint32Array,
  B: number,
  O: number,
  { on, off }: LabelValues,
  weights: Float32Array | null,
): void {
  for (let r = 0; r < B; r += 1) {
    const y = targets[rows[r]];
    const weight = weights === null ? 1 : weights[y];
    for (let j = 0; j < O; j += 1) {
      dz[r * O + j] = fround(fround(fround(p[r * O + j] - (j === y ? on : off)) / B) * weight);
    }
  }
}
