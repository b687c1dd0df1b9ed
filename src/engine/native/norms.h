/**
 * Steps that clip by norm, or measure it (rule 17): when all gradients are known, their norms, and then all updates. The
 * gradients lie a fixed distance after the weights. Rows of the first layer that the batch does not touch have none.
 *
 * Dims: I = inputs, O = outputs, P = panels of the outputs. W: (P, I + 1, 16), the last row of each panel being b.
 */

#pragma once

#include "first-layer.h"

INLINE uint32_t layerRecord(uint32_t l) {
  return LAYER_RECORDS + l * LAYER_RECORD_BYTES;
}

/** A layer's sum over each column of a panel, in registers. */
typedef struct {
  Doubles v[PANEL_COLUMNS / DOUBLES];
} Columns;

INLINE Columns addSquares(Columns sums, const float *row) {
  _Pragma("GCC unroll 8") for (uint32_t k = 0; k < PANEL_COLUMNS / DOUBLES; k += 1) {
    const Doubles x = loadDoubles(row + k * DOUBLES, 0);
    sums.v[k] += x * x;
  }
  return sums;
}

/** Of a layer's kernel or bias: each column over its rows ascending, then the columns ascending. */
static double sumOfSquares(uint8_t *memory, uint32_t l, bool isBias, const TouchedRow *touchedRowsEnd) {
  const Layer layer = layerAt(memory, l);
  float *panel = layer.W + getU32(memory, GRADIENT_DISTANCE) / sizeof(float);
  double total = 0;
  for (uint32_t first = 0; first < layer.O; first += PANEL_COLUMNS) {
    Columns sums = {0};
    if (isBias) {
      sums = addSquares(sums, panel + layer.I * PANEL_COLUMNS);
    } else if (l == 0) {
      for (const TouchedRow *row = region(memory, TOUCHED_ROWS); row < touchedRowsEnd; row += 1) {
        sums = addSquares(sums, rowAt(panel, row->where));
      }
    } else {
      for (uint32_t i = 0; i < layer.I; i += 1) sums = addSquares(sums, panel + i * PANEL_COLUMNS);
    }
    const uint32_t columns = smaller(PANEL_COLUMNS, layer.O - first);
    for (uint32_t c = 0; c < columns; c += 1) total += sums.v[c / DOUBLES][c % DOUBLES];
    panel += (layer.I + 1) * PANEL_COLUMNS;
  }
  return total;
}

/** 1 changes no bit of a gradient. */
INLINE float scaleOf(const uint8_t *memory, double squares) {
  if (!getU32(memory, CLIPS_BY_NORM)) return 1.0f;
  const double norm = __builtin_sqrt(squares);
  const double most = getF64(memory, MOST_NORM);
  return norm <= most ? 1.0f : (float)(most / norm);
}

/** Sets the squares and scales of each layer's record. False = a norm to clip by is not finite. */
static bool scaleGradients(uint8_t *memory, const TouchedRow *touchedRowsEnd) {
  const uint32_t layers = getU32(memory, LAYERS);
  double squares = 0;
  for (uint32_t l = 0; l < layers; l += 1) {
    const double kernel = sumOfSquares(memory, l, false, touchedRowsEnd);
    const double bias = sumOfSquares(memory, l, true, touchedRowsEnd);
    squares = squares + kernel + bias;
    setF64(memory, layerRecord(l) + KERNEL_SQUARES, kernel);
    setF64(memory, layerRecord(l) + BIAS_SQUARES, bias);
    setF32(memory, layerRecord(l) + KERNEL_SCALE, scaleOf(memory, kernel));
    setF32(memory, layerRecord(l) + BIAS_SCALE, scaleOf(memory, bias));
  }
  if (!getU32(memory, CLIPS_BY_NORM)) return true;
  if (!(squares < __builtin_inf())) return false;
  if (!getU32(memory, HAS_GLOBAL_NORM)) return true;
  const float scale = scaleOf(memory, squares);
  for (uint32_t l = 0; l < layers; l += 1) {
    setF32(memory, layerRecord(l) + KERNEL_SCALE, scale);
    setF32(memory, layerRecord(l) + BIAS_SCALE, scale);
  }
  return true;
}

INLINE void applyUpdate(uint32_t rule, const Hyper *hyper, float *w, float scale, float decay) {
  Row g = loadRow(w + hyper->gradient);
  EACH_VECTOR g.v[v] = g.v[v] * scale;
  // Of a step that is only measured: a job does not clip by value and by norm.
  if (hyper->clipvalue > 0) g = clipped(hyper, g);
  if (hyper->weightDecay > 0) decayWeights(hyper, w);
  updatePlain(rule, hyper, w, g, decay);
}

/** applyUpdates() for a constant rule. */
INLINE void applyUpdatesOf(uint32_t rule, uint8_t *memory) {
  const Hyper hyper = hyperParameters(memory);
  const TouchedRow *touchedRowsEnd = region(memory, TOUCHED_ROWS_END);
  for (uint32_t l = 0; l < getU32(memory, LAYERS); l += 1) {
    const Layer layer = layerAt(memory, l);
    const float kernelScale = getF32(memory, layerRecord(l) + KERNEL_SCALE);
    const float biasScale = getF32(memory, layerRecord(l) + BIAS_SCALE);
    float *W = layer.W;
    for (uint32_t p = 0; p < layer.P; p += 1) {
      float *b = W + layer.I * PANEL_COLUMNS;
      if (l == 0) {
        for (const TouchedRow *row = region(memory, TOUCHED_ROWS); row < touchedRowsEnd; row += 1) {
          applyUpdate(rule, &hyper, rowAt(W, row->where), kernelScale, row->decay);
        }
      } else {
        for (float *w = W; w < b; w += PANEL_COLUMNS) applyUpdate(rule, &hyper, w, kernelScale, hyper.rho);
      }
      applyUpdate(rule, &hyper, b, biasScale, hyper.rho);
      W = b + PANEL_COLUMNS;
    }
  }
}

/** Updates all weights, those of the first layer only in the rows that are listed, with the scaled gradients. */
static void applyUpdates(uint8_t *memory) {
  switch (getU32(memory, RULE)) {
    case RULE_RMSPROP: applyUpdatesOf(RULE_RMSPROP, memory); break;
    case RULE_RMSPROP_GENERAL: applyUpdatesOf(RULE_RMSPROP_GENERAL, memory); break;
    case RULE_SGD: applyUpdatesOf(RULE_SGD, memory); break;
    case RULE_SGD_MOMENTUM: applyUpdatesOf(RULE_SGD_MOMENTUM, memory); break;
    case RULE_ADAGRAD: applyUpdatesOf(RULE_ADAGRAD, memory); break;
    case RULE_ADAM: applyUpdatesOf(RULE_ADAM, memory); break;
    case RULE_NADAM: applyUpdatesOf(RULE_NADAM, memory); break;
    case RULE_ADAMAX: applyUpdatesOf(RULE_ADAMAX, memory); break;
    case RULE_ADADELTA: applyUpdatesOf(RULE_ADADELTA, memory); break;
    case RULE_LION: applyUpdatesOf(RULE_LION, memory); break;
    default: __builtin_trap();
  }
}
