/** l1 and l2 (rule 14). */

#pragma once

#include "optimizers.h"

/** The gradient of a panel's row of weights with that of l1 and l2: (g + l1 * sign(w)) + (2 * l2) * w. */
INLINE Row penalised(const Hyper *hyper, const float *w, Row g) {
  EACH_VECTOR {
    const Vector weights = loadVector(w + v * WIDTH);
    const Vector l1 = (Vector){} + hyper->l1Slope;
    const Vector sign = only(weights > 0, l1) - only(weights < 0, l1);
    g.v[v] = (g.v[v] + sign) + hyper->l2Slope * weights;
  }
  return g;
}

/** The update of a panel's row of a kernel; that of biases is update(). Jobs without a penalty need no test. */
INLINE void updateKernel(uint32_t rule, const Hyper *hyper, float *w, Row g, float decay) {
  if ((rule == RULE_PREPARED || rule == RULE_KEEP) && hyper->hasPenalty) g = penalised(hyper, w, g);
  update(rule, hyper, w, g, decay);
}

/** l1 * sum |w| + l2 * sum w^2 over the kernels. */
static double penalty(uint8_t *memory) {
  double sizes = 0, squares = 0;
  for (uint32_t l = 0; l < getU32(memory, LAYERS); l += 1) {
    const Layer layer = layerAt(memory, l);
    double sizesOf = 0, squaresOf = 0;
    for (uint32_t p = 0; p < layer.P; p += 1) {
      const float *panel = layer.W + p * (layer.I + 1) * PANEL_COLUMNS;
      // The columns of the padding are 0.
      for (uint32_t c = 0; c < PANEL_COLUMNS; c += DOUBLES) {
        Doubles a = {}, q = {};
        for (uint32_t i = 0; i < layer.I; i += 1) {
          const Doubles w = loadDoubles(panel + i * PANEL_COLUMNS + c, 0);
          a += (Doubles)((Longs)w & INT64_MAX);
          q += w * w;
        }
        for (uint32_t k = 0; k < DOUBLES; k += 1) sizesOf += a[k];
        for (uint32_t k = 0; k < DOUBLES; k += 1) squaresOf += q[k];
      }
    }
    sizes += sizesOf;
    squares += squaresOf;
  }
  return getF64(memory, L1) * sizes + getF64(memory, L2) * squares;
}
