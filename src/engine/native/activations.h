/**
 * The activation function of the hidden layers; the formulas are in ../reference/activations.ts.
 *
 * Dims: B = rows of this batch, O = outputs, P = their panels. h, slopes, dh: (P, B, 16).
 */

#pragma once

#include "exp-log.h"
#include "vector.h"

#define NEGATIVE_SLOPE 0.2f
#define SELU_SCALE 1.0507009873554805
#define SELU_SCALE_ALPHA 1.7580993408473768
#define GELU_SCALE 1.5957691216057308
#define GELU_CUBIC 0.044715
#define SQRT2_MINUS_1 0.41421356237309503

INLINE Doubles absolute(Doubles z) {
  return (Doubles)((Longs)z & INT64_MAX);
}

/** 1 / (1 + e^-z), with e = e^-|z|. */
INLINE Doubles sigmoidOf(Doubles z, Doubles e) {
  return choose(z >= 0.0, (Doubles){} + 1.0, e) / (1.0 + e);
}

INLINE Doubles sigmoid(Doubles z) {
  return sigmoidOf(z, exponential(-absolute(z)));
}

INLINE Doubles hyperbolicTangent(Doubles z) {
  const Doubles e = exponential(-2.0 * absolute(z));
  const Doubles t = (1.0 - e) / (1.0 + e);
  return choose(absolute(z) < 1.0 / 4096, z, choose(z < 0.0, -t, t));
}

INLINE Doubles elu(Doubles z) {
  // Of a positive z the exponential is not used. A NaN stays in it.
  return choose(z > -1.0 / 16777216, z, exponential(-absolute(z)) - 1.0);
}

/** log(1 + e) for 0 <= e <= 1, as in ../reference/log1p.ts. */
INLINE Doubles logarithm1p(Doubles e) {
  const Longs isHalved = e > SQRT2_MINUS_1;
  const Doubles t = choose(isHalved, e - 1.0, e) / (e + choose(isHalved, (Doubles){} + 3.0, (Doubles){} + 2.0));
  const Doubles tt = t * t;
  Doubles series = 1.0 / 15 * tt + 1.0 / 13;
  series = series * tt + 1.0 / 11;
  series = series * tt + 1.0 / 9;
  series = series * tt + 1.0 / 7;
  series = series * tt + 1.0 / 5;
  series = series * tt + 1.0 / 3;
  series = series * tt + 1.0;
  const Doubles small = 2.0 * t * series;
  return choose(isHalved, LN2 + small, small);
}

/** h = h < 0 ? 0 : h, so that NaN stays NaN. */
static void reluPanel(float *h, uint32_t B) {
  for (float *at = h; at < h + B * PANEL_COLUMNS; at += WIDTH) {
    storeVector(at, larger(loadVector(at), (Vector){}));
  }
}

/** mask ? a : b */
INLINE Vector pick(Mask mask, Vector a, Vector b) {
  return (Vector)(((Mask)a & mask) | ((Mask)b & ~mask));
}

/** h = h < 0 ? 0.2 * h : h */
static void leakyReluPanel(float *h, uint32_t B) {
  for (float *at = h; at < h + B * PANEL_COLUMNS; at += WIDTH) {
    const Vector z = loadVector(at);
    storeVector(at, pick(z < 0, NEGATIVE_SLOPE * z, z));
  }
}

/**
 * The first `columns` values of each row of a panel, for a constant activation. The others stay +0, although sigmoid(0) is
 * not 0.
 */
INLINE void curvePanel(uint32_t activation, float *h, float *slopes, uint32_t B, uint32_t columns) {
  for (uint32_t r = 0; r < B; r += 1) {
    for (uint32_t c = 0; c < PANEL_COLUMNS; c += DOUBLES) {
      const Doubles z = loadDoubles(h + c, 0);
      switch (activation) {
        case ACTIVATION_SIGMOID: storeDoubles(h + c, sigmoid(z)); break;
        case ACTIVATION_TANH: storeDoubles(h + c, hyperbolicTangent(z)); break;
        case ACTIVATION_ELU: storeDoubles(h + c, elu(z)); break;
        case ACTIVATION_SELU: storeDoubles(h + c, choose(z > 0.0, SELU_SCALE * z, SELU_SCALE_ALPHA * elu(z))); break;
        case ACTIVATION_SILU: {
          const Doubles s = sigmoid(z);
          storeDoubles(h + c, z * s);
          storeDoubles(slopes + c, s * (1.0 + z * (1.0 - s)));
          break;
        }
        case ACTIVATION_GELU_TANH: {
          const Doubles s = sigmoid(GELU_SCALE * (z + GELU_CUBIC * (z * z * z)));
          const Doubles dv = GELU_SCALE * (1.0 + 3 * GELU_CUBIC * (z * z));
          storeDoubles(h + c, z * s);
          storeDoubles(slopes + c, s * (1.0 + z * ((1.0 - s) * dv)));
          break;
        }
        case ACTIVATION_SOFTPLUS: {
          const Doubles e = exponential(-absolute(z));
          const Doubles rest = logarithm1p(e);
          storeDoubles(h + c, choose(z > 0.0, z + rest, rest));
          storeDoubles(slopes + c, sigmoidOf(z, e));
          break;
        }
      }
    }
    for (uint32_t c = columns; c < PANEL_COLUMNS; c += 1) h[c] = 0;
    h += PANEL_COLUMNS;
    slopes += PANEL_COLUMNS;
  }
}

/** h = f(h). slopes: the derivatives, of those activations that keep them. */
static void activate(uint8_t *memory, float *h, float *slopes, uint32_t B, uint32_t O) {
  const uint32_t activation = getU32(memory, ACTIVATION);
  for (uint32_t first = 0; first < O; first += PANEL_COLUMNS) {
    const uint32_t columns = smaller(PANEL_COLUMNS, O - first);
    switch (activation) {
      case ACTIVATION_RELU: reluPanel(h, B); break;
      case ACTIVATION_LEAKY_RELU: leakyReluPanel(h, B); break;
      case ACTIVATION_LINEAR: break;
      case ACTIVATION_SIGMOID: curvePanel(ACTIVATION_SIGMOID, h, slopes, B, columns); break;
      case ACTIVATION_TANH: curvePanel(ACTIVATION_TANH, h, slopes, B, columns); break;
      case ACTIVATION_ELU: curvePanel(ACTIVATION_ELU, h, slopes, B, columns); break;
      case ACTIVATION_SELU: curvePanel(ACTIVATION_SELU, h, slopes, B, columns); break;
      case ACTIVATION_SILU: curvePanel(ACTIVATION_SILU, h, slopes, B, columns); break;
      case ACTIVATION_GELU_TANH: curvePanel(ACTIVATION_GELU_TANH, h, slopes, B, columns); break;
      case ACTIVATION_SOFTPLUS: curvePanel(ACTIVATION_SOFTPLUS, h, slopes, B, columns); break;
      default: __builtin_trap();
    }
    h += batchPanel(memory);
    slopes += batchPanel(memory);
  }
}

/** f'(z), computed from the output, or kept. */
INLINE Vector slopeOf(uint32_t activation, Vector out, const float *slopes) {
  const Vector one = (Vector){} + 1.0f;
  switch (activation) {
    case ACTIVATION_SIGMOID: return out * (1.0f - out);
    case ACTIVATION_TANH: return 1.0f - out * out;
    case ACTIVATION_LEAKY_RELU: return pick(out > 0, one, (Vector){} + NEGATIVE_SLOPE);
    case ACTIVATION_ELU: return pick(out < 0, out + 1.0f, one);
    case ACTIVATION_SELU: return pick(out < 0, out + (float)SELU_SCALE_ALPHA, (Vector){} + (float)SELU_SCALE);
    default: return loadVector(slopes);
  }
}

/** dh = dh * f'(z). */
static void activateBackward(uint8_t *memory, float *dh, const float *h, const float *slopes, uint32_t B, uint32_t P) {
  const uint32_t activation = getU32(memory, ACTIVATION);
  if (activation == ACTIVATION_LINEAR) return;
  for (uint32_t p = 0; p < P; p += 1) {
    for (uint32_t at = 0; at < B * PANEL_COLUMNS; at += WIDTH) {
      const Vector out = loadVector(h + at);
      const Vector d = loadVector(dh + at);
      if (activation == ACTIVATION_RELU) storeVector(dh + at, only(out > 0, d));
      else storeVector(dh + at, d * slopeOf(activation, out, slopes + at));
    }
    h += batchPanel(memory);
    dh += batchPanel(memory);
    slopes += batchPanel(memory);
  }
}
