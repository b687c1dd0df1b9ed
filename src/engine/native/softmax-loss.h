/**
 * Softmax and categorical cross-entropy combined.
 *
 * Dims: R = rows of data, B = rows of this batch, O = classes, P = their panels. z and p: (P, B, 16).
 * targets: (R), classes; rows: (B), the batch's row numbers.
 */

#pragma once

#include "exp-log.h"

/** Floats from the first value of a row to value j. panel: floats from one panel to the next. */
INLINE uint32_t at(uint32_t j, uint32_t panel) {
  return j / PANEL_COLUMNS * panel + j % PANEL_COLUMNS;
}

/**
 * p[r, j] = e[j] / s with e[j] = exp(z[r, j] - m), m = the row's largest logit, s = sum of e
 * losses[r] = log(s) - (z[r, y] - m); with label smoothing the sum over j of that for j, times its target
 * predicted[r] = the class with the largest logit, the lowest index among equals
 */
static void softmaxLossForward(
  uint8_t *memory, float *p, const float *z, const uint32_t *targets, const uint32_t *rows, uint32_t B, uint32_t O
) {
  float *losses = region(memory, LOSSES);
  uint32_t *predicted = region(memory, PREDICTED);
  const uint32_t panel = batchPanel(memory);
  const float on = getF32(memory, LABEL_ON), off = getF32(memory, LABEL_OFF);
  for (uint32_t r = 0; r < B; r += 1) {
    uint32_t best = 0;
    float m = z[0];
    for (uint32_t j = 1; j < O; j += 1) {
      if (z[at(j, panel)] > m) {
        best = j;
        m = z[at(j, panel)];
      }
    }

    float s = 0;
    for (uint32_t first = 0; first < O; first += PANEL_COLUMNS) {
      float *e = p + at(first, panel);
      for (uint32_t c = 0; c < PANEL_COLUMNS; c += DOUBLES) {
        storeDoubles(e + c, exponential(loadDoubles(z + at(first, panel) + c, m)));
      }
      const uint32_t columns = smaller(PANEL_COLUMNS, O - first);
      for (uint32_t c = 0; c < columns; c += 1) s += e[c];
      for (uint32_t c = columns; c < PANEL_COLUMNS; c += 1) e[c] = 0;
    }
    for (uint32_t j = 0; j < O; j += 1) p[at(j, panel)] /= s;

    const uint32_t y = targets[rows[r]];
    const float logOfSum = (float)logarithm(s);
    float loss = logOfSum - (z[at(y, panel)] - m);
    if (off > 0) {
      loss = 0;
      for (uint32_t j = 0; j < O; j += 1) loss += (j == y ? on : off) * (logOfSum - (z[at(j, panel)] - m));
    }
    losses[r] = loss;
    predicted[r] = best;
    z += PANEL_COLUMNS;
    p += PANEL_COLUMNS;
  }
}

/** What a row's loss and gradient are multiplied by, for its class y. */
INLINE float classWeight(uint8_t *memory, uint32_t y) {
  return getU32(memory, CLASS_WEIGHTS) == 0 ? 1 : ((const float *)region(memory, CLASS_WEIGHTS))[y];
}

/** dz[r, j] = (p[r, j] - (on where j is the target, else off)) / B * weight of the target, written over p. */
static void softmaxLossBackward(
  uint8_t *memory, float *p, const uint32_t *targets, const uint32_t *rows, uint32_t B, uint32_t O
) {
  const uint32_t panel = batchPanel(memory);
  const float on = getF32(memory, LABEL_ON), off = getF32(memory, LABEL_OFF);
  for (uint32_t r = 0; r < B; r += 1) {
    const uint32_t y = targets[rows[r]];
    const float weight = classWeight(memory, y);
    for (uint32_t j = 0; j < O; j += 1) {
      p[at(j, panel)] = (p[at(j, panel)] - (j == y ? on : off)) / (float)B * weight;
    }
    p += PANEL_COLUMNS;
  }
}
