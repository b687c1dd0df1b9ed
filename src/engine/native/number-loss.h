/**
 * The losses of a model that predicts a number; the formulas are in ../reference/number-loss.ts.
 *
 * Dims: R = rows of data, B = rows of this batch. z and e: (B, 16), of which the first column is used; the others of e
 * are +0. targets: (R), rows: (B), the batch's row numbers.
 */

#pragma once

#include "vector.h"

INLINE float magnitude(float x) {
  return __builtin_fabsf(x);
}

/** The derivative of |e|; NaN stays NaN. */
INLINE float signOf(float e) {
  return e > 0 ? 1 : e < 0 ? -1 : e;
}

INLINE float numberLoss(uint32_t loss, float e) {
  if (loss == LOSS_MSE) return e * e;
  if (loss == LOSS_HUBER) return magnitude(e) <= 1 ? 0.5f * (e * e) : magnitude(e) - 0.5f;
  return magnitude(e);
}

INLINE float numberSlope(uint32_t loss, float e) {
  if (loss == LOSS_MSE) return 2 * e;
  if (loss == LOSS_HUBER && magnitude(e) <= 1) return e;
  return signOf(e);
}

/** e[r] = z[r] - y, losses[r] = l(e[r]). */
static void numberLossForward(
  uint8_t *memory, float *e, const float *z, const float *targets, const uint32_t *rows, uint32_t B
) {
  const uint32_t loss = getU32(memory, LOSS);
  float *losses = region(memory, LOSSES);
  for (uint32_t r = 0; r < B; r += 1) {
    const float error = *z - targets[rows[r]];
    storeRow(e, zeroRow());
    *e = error;
    losses[r] = numberLoss(loss, error);
    z += PANEL_COLUMNS;
    e += PANEL_COLUMNS;
  }
}

/** dz[r] = l'(e[r]) / B, written over e. */
static void numberLossBackward(uint8_t *memory, float *e, uint32_t B) {
  const uint32_t loss = getU32(memory, LOSS);
  for (uint32_t r = 0; r < B; r += 1) e[r * PANEL_COLUMNS] = numberSlope(loss, e[r * PANEL_COLUMNS]) / (float)B;
}
