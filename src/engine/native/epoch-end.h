/** The end of an epoch, and a check of the process. */

#pragma once

#include "optimizers.h"

/** Brings rmsprop's mean squares up to date for rows that the last steps of the epoch skipped. */
static void settleRows(uint8_t *memory) {
  if (getU32(memory, DECAYS) == 0) return;
  const float *decays = region(memory, DECAYS);
  uint32_t *updatedAt = region(memory, UPDATED_AT);
  const uint32_t step = getU32(memory, EPOCH_STEP);
  const Layer first = layerAt(memory, 0);
  float *meanSquares = first.W + getU32(memory, SLOT_DISTANCE) / sizeof(float);
  for (uint32_t i = 0; i < first.I; i += 1) {
    const uint32_t elapsed = step - updatedAt[i];
    if (elapsed == 0) continue;
    for (uint32_t p = 0; p < first.P; p += 1) {
      float *row = meanSquares + (p * (first.I + 1) + i) * PANEL_COLUMNS;
      for (uint32_t c = 0; c < PANEL_COLUMNS; c += WIDTH) {
        storeVector(row + c, flushed(decays[elapsed] * loadVector(row + c)));
      }
    }
  }
  memset(updatedAt, 0, first.I * sizeof *updatedAt);
}

/** Whether all weights and slots are finite: v - v is 0 if v is finite, otherwise NaN. Padding is always finite. */
static bool allFinite(uint8_t *memory) {
  const float *end = region(memory, PARAMETERS_END);
  Mask seen = {};
  for (const float *at = region(memory, PARAMETERS); at < end; at += WIDTH) {
    seen |= (Mask)(loadVector(at) - loadVector(at));
  }
  for (int k = 0; k < WIDTH; k += 1) {
    if (seen[k] != 0) return false;
  }
  return true;
}

/**
 * Whether half of the smallest normal float32 is not 0: a library built with fast-math can switch denormals off for the
 * whole process, and then the bits differ from those of other machines. smallest: 2^-126, passed as an argument so that
 * the compiler cannot compute the result.
 */
static bool denormalsAreAlive(float smallest) {
  return smallest * 0.5f != 0;
}
