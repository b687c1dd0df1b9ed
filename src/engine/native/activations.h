/**
 * What stands behind each hidden layer; the formulas are in ../activations.ts.
 *
 * Dims: B = rows of this batch, O = outputs, P = their panels. h, dh: (P, B, 16).
 */

#ifndef ACTIVATIONS_H
#define ACTIVATIONS_H

#include "exp-log.h"
#include "vector.h"

INLINE double sigmoid(double z) {
  const double e = exponential(-__builtin_fabs(z));
  return z >= 0 ? 1 / (1 + e) : e / (1 + e);
}

INLINE double hyperbolicTangent(double z) {
  if (__builtin_fabs(z) < 1.0 / 4096) return z;
  const double e = exponential(-2 * __builtin_fabs(z));
  const double t = (1 - e) / (1 + e);
  return z < 0 ? -t : t;
}

/** h = h < 0 ? 0 : h, so that NaN stays NaN. */
static void reluPanel(float *h, uint32_t B) {
  for (float *at = h; at < h + B * PANEL_COLUMNS; at += WIDTH) {
    storeVector(at, larger(loadVector(at), (Vector){}));
  }
}

/** h = f(h). Columns that fill up the last panel stay +0, though sigmoid(0) is not. */
static void activate(uint8_t *memory, float *h, uint32_t B, uint32_t O) {
  const uint32_t activation = getU32(memory, ACTIVATION);
  for (uint32_t first = 0; first < O; first += PANEL_COLUMNS) {
    if (activation == ACTIVATION_RELU) {
      reluPanel(h, B);
    } else {
      const uint32_t columns = smaller(PANEL_COLUMNS, O - first);
      for (uint32_t r = 0; r < B; r += 1) {
        for (float *at = h + r * PANEL_COLUMNS; at < h + r * PANEL_COLUMNS + columns; at += 1) {
          *at = (float)(activation == ACTIVATION_SIGMOID ? sigmoid(*at) : hyperbolicTangent(*at));
        }
      }
    }
    h += batchPanel(memory);
  }
}

/** dh = dh * f'(z), with f' read off the output h = f(z). */
static void activateBackward(uint8_t *memory, float *dh, const float *h, uint32_t B, uint32_t P) {
  const uint32_t activation = getU32(memory, ACTIVATION);
  for (uint32_t p = 0; p < P; p += 1) {
    for (uint32_t at = 0; at < B * PANEL_COLUMNS; at += WIDTH) {
      const Vector out = loadVector(h + at);
      const Vector d = loadVector(dh + at);
      if (activation == ACTIVATION_RELU) {
        storeVector(dh + at, only(out > 0, d));
      } else if (activation == ACTIVATION_SIGMOID) {
        storeVector(dh + at, d * (out * (1.0f - out)));
      } else {
        storeVector(dh + at, d * (1.0f - out * out));
      }
    }
    h += batchPanel(memory);
    dh += batchPanel(memory);
  }
}

#endif
