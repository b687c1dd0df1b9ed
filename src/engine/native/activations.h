/**
 * The activation function of the hidden layers; the formulas are in ../reference/activations.ts.
 *
 * Dims: B = rows of this batch, O = outputs, P = their panels. h, dh: (P, B, 16).
 */

#pragma once

#include "exp-log.h"
#include "vector.h"

INLINE Doubles absolute(Doubles z) {
  return (Doubles)((Longs)z & INT64_MAX);
}

INLINE Doubles sigmoid(Doubles z) {
  const Doubles e = exponential(-absolute(z));
  return choose(z >= 0.0, (Doubles){} + 1.0, e) / (1.0 + e);
}

INLINE Doubles hyperbolicTangent(Doubles z) {
  const Doubles e = exponential(-2.0 * absolute(z));
  const Doubles t = (1.0 - e) / (1.0 + e);
  return choose(absolute(z) < 1.0 / 4096, z, choose(z < 0.0, -t, t));
}

/** h = h < 0 ? 0 : h, so that NaN stays NaN. */
static void reluPanel(float *h, uint32_t B) {
  for (float *at = h; at < h + B * PANEL_COLUMNS; at += WIDTH) {
    storeVector(at, larger(loadVector(at), (Vector){}));
  }
}

/** Sigmoid or tanh of the first `columns` values of a panel's row. The others stay +0, although sigmoid(0) is not 0. */
INLINE void curveRow(bool isSigmoid, float *h, uint32_t columns) {
  for (uint32_t c = 0; c < PANEL_COLUMNS; c += DOUBLES) {
    const Doubles z = loadDoubles(h + c, 0);
    storeDoubles(h + c, isSigmoid ? sigmoid(z) : hyperbolicTangent(z));
  }
  for (uint32_t c = columns; c < PANEL_COLUMNS; c += 1) h[c] = 0;
}

/** h = f(h). */
static void activate(uint8_t *memory, float *h, uint32_t B, uint32_t O) {
  const uint32_t activation = getU32(memory, ACTIVATION);
  for (uint32_t first = 0; first < O; first += PANEL_COLUMNS) {
    if (activation == ACTIVATION_RELU) {
      reluPanel(h, B);
    } else {
      const uint32_t columns = smaller(PANEL_COLUMNS, O - first);
      for (float *row = h; row < h + B * PANEL_COLUMNS; row += PANEL_COLUMNS) {
        if (activation == ACTIVATION_SIGMOID) curveRow(true, row, columns);
        else curveRow(false, row, columns);
      }
    }
    h += batchPanel(memory);
  }
}

/** dh = dh * f'(z), with f' computed from the output h = f(z). */
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
