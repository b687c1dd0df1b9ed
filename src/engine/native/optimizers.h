/**
 * The update rules of ../reference/update-rules.ts, which has the formulas, for the sixteen weights of a panel's row at
 * a time.
 *
 * `rule` is a constant wherever update() is inlined, so that each rule gets its own loops with the update inside.
 */

#pragma once

#include "vector.h"

/** Everything an update needs besides the gradient, read once per step. */
typedef struct {
  /** Floats from a weight to its value in the first slot, from there to the second, and so on. */
  size_t slot;
  float learningRate, rho, oneMinusRho, momentum, epsilon, oneMinusBeta1, oneMinusBeta2, alpha;
  bool centered, nesterov, amsgrad;
} Hyper;

static Hyper hyperParameters(const uint8_t *memory) {
  return (Hyper){
    .slot = getU32(memory, SLOT_DISTANCE) / sizeof(float),
    .learningRate = getF32(memory, LEARNING_RATE),
    .rho = getF32(memory, RHO),
    .oneMinusRho = getF32(memory, ONE_MINUS_RHO),
    .momentum = getF32(memory, MOMENTUM),
    .epsilon = getF32(memory, EPSILON),
    .oneMinusBeta1 = getF32(memory, ONE_MINUS_BETA_1),
    .oneMinusBeta2 = getF32(memory, ONE_MINUS_BETA_2),
    .alpha = getF32(memory, ALPHA),
    .centered = getU32(memory, CENTERED) != 0,
    .nesterov = getU32(memory, NESTEROV) != 0,
    .amsgrad = getU32(memory, AMSGRAD) != 0,
  };
}

/** The new value of a slot that decays: +0 where it would be denormal (rule 13), that is, where its exponent is 0. */
INLINE Vector flushed(Vector s) {
  return only(((Mask)s & 0x7f800000) != 0, s);
}

INLINE void rmsprop(const Hyper *hyper, float *w, Vector g, float decay) {
  float *v = w + hyper->slot;
  const Vector meanSquare = flushed(decay * loadVector(v) + hyper->oneMinusRho * (g * g));
  storeVector(v, meanSquare);
  const Vector root = squareRoot(meanSquare + hyper->epsilon);
  storeVector(w, loadVector(w) - hyper->learningRate * g / root);
}

/** With momentum, centered, or both. */
INLINE void rmspropGeneral(const Hyper *hyper, float *w, Vector g) {
  float *slot = w + hyper->slot;
  const Vector meanSquare = flushed(hyper->rho * loadVector(slot) + hyper->oneMinusRho * (g * g));
  storeVector(slot, meanSquare);
  Vector d = meanSquare;
  if (hyper->centered) {
    slot += hyper->slot;
    const Vector a = flushed(hyper->rho * loadVector(slot) + hyper->oneMinusRho * g);
    storeVector(slot, a);
    d = larger(meanSquare - a * a, (Vector){});
  }
  Vector step = hyper->learningRate * g / squareRoot(d + hyper->epsilon);
  if (hyper->momentum > 0) {
    slot += hyper->slot;
    step = flushed(hyper->momentum * loadVector(slot) + step);
    storeVector(slot, step);
  }
  storeVector(w, loadVector(w) - step);
}

INLINE void sgd(const Hyper *hyper, float *w, Vector g) {
  storeVector(w, loadVector(w) - g * hyper->learningRate);
}

INLINE void sgdMomentum(const Hyper *hyper, float *w, Vector g) {
  float *slot = w + hyper->slot;
  const Vector step = g * hyper->learningRate;
  const Vector m = flushed(loadVector(slot) * hyper->momentum - step);
  storeVector(slot, m);
  storeVector(w, loadVector(w) + (hyper->nesterov ? m * hyper->momentum - step : m));
}

INLINE void adagrad(const Hyper *hyper, float *w, Vector g) {
  float *slot = w + hyper->slot;
  const Vector c = loadVector(slot) + g * g;
  storeVector(slot, c);
  storeVector(w, loadVector(w) - hyper->learningRate * g / squareRoot(c + hyper->epsilon));
}

INLINE void adam(const Hyper *hyper, float *w, Vector g) {
  float *first = w + hyper->slot;
  float *second = first + hyper->slot;
  const Vector m0 = loadVector(first);
  const Vector m = flushed(m0 + (g - m0) * hyper->oneMinusBeta1);
  storeVector(first, m);
  const Vector v0 = loadVector(second);
  const Vector v = flushed(v0 + (g * g - v0) * hyper->oneMinusBeta2);
  storeVector(second, v);
  Vector d = v;
  if (hyper->amsgrad) {
    float *largest = second + hyper->slot;
    d = larger(loadVector(largest), v);
    storeVector(largest, d);
  }
  storeVector(w, loadVector(w) - m * hyper->alpha / (squareRoot(d) + hyper->epsilon));
}

/**
 * Updates the sixteen weights at w with their gradients. decay: rmsprop's factor for the mean square; the other rules
 * ignore it.
 */
INLINE void update(uint32_t rule, const Hyper *hyper, float *w, Row g, float decay) {
  EACH_VECTOR {
    float *at = w + v * WIDTH;
    switch (rule) {
      case RULE_RMSPROP: rmsprop(hyper, at, g.v[v], decay); break;
      case RULE_RMSPROP_GENERAL: rmspropGeneral(hyper, at, g.v[v]); break;
      case RULE_SGD: sgd(hyper, at, g.v[v]); break;
      case RULE_SGD_MOMENTUM: sgdMomentum(hyper, at, g.v[v]); break;
      case RULE_ADAGRAD: adagrad(hyper, at, g.v[v]); break;
      case RULE_ADAM: adam(hyper, at, g.v[v]); break;
    }
  }
}

/** Called before each of adam's steps: updates its running products and alpha, in float64. */
static void beginAdamStep(uint8_t *memory) {
  const double power1 = getF64(memory, POWER_1) * getF64(memory, BETA_1);
  const double power2 = getF64(memory, POWER_2) * getF64(memory, BETA_2);
  setF64(memory, POWER_1, power1);
  setF64(memory, POWER_2, power2);
  setF32(memory, ALPHA, (float)((getF64(memory, RATE) * __builtin_sqrt(1 - power2)) / (1 - power1)));
}
