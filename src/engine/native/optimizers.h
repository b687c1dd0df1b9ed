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
  uint32_t rule;
  /** Floats from a weight to its gradient, where a step needs all gradients before the first update. */
  size_t gradient;
  float learningRate, rho, oneMinusRho, momentum, epsilon, oneMinusBeta1, oneMinusBeta2, alpha;
  float beta1, beta2, weightDecay, clipvalue;
  float meanFactor, meanDivisor, gradientFactor, gradientDivisor, squareDivisor;
  bool centered, nesterov, amsgrad;
  /** l1 and l2. */
  bool hasPenalty;
  float l1Slope, l2Slope;
} Hyper;

static Hyper hyperParameters(const uint8_t *memory) {
  return (Hyper){
    .slot = getU32(memory, SLOT_DISTANCE) / sizeof(float),
    .rule = getU32(memory, RULE),
    .gradient = getU32(memory, GRADIENT_DISTANCE) / sizeof(float),
    .learningRate = getF32(memory, LEARNING_RATE),
    .rho = getF32(memory, RHO),
    .oneMinusRho = getF32(memory, ONE_MINUS_RHO),
    .momentum = getF32(memory, MOMENTUM),
    .epsilon = getF32(memory, EPSILON),
    .oneMinusBeta1 = getF32(memory, ONE_MINUS_BETA_1),
    .oneMinusBeta2 = getF32(memory, ONE_MINUS_BETA_2),
    .alpha = getF32(memory, ALPHA),
    .beta1 = getF32(memory, BETA_1_ROUNDED),
    .beta2 = getF32(memory, BETA_2_ROUNDED),
    .weightDecay = getF32(memory, WEIGHT_DECAY),
    .clipvalue = getF32(memory, CLIPVALUE),
    .meanFactor = getF32(memory, MEAN_FACTOR),
    .meanDivisor = getF32(memory, MEAN_DIVISOR),
    .gradientFactor = getF32(memory, GRADIENT_FACTOR),
    .gradientDivisor = getF32(memory, GRADIENT_DIVISOR),
    .squareDivisor = getF32(memory, SQUARE_DIVISOR),
    .centered = getU32(memory, CENTERED) != 0,
    .nesterov = getU32(memory, NESTEROV) != 0,
    .amsgrad = getU32(memory, AMSGRAD) != 0,
    .hasPenalty = getU32(memory, HAS_PENALTY) != 0,
    .l1Slope = getF32(memory, L1_SLOPE),
    .l2Slope = getF32(memory, L2_SLOPE),
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

INLINE void nadam(const Hyper *hyper, float *w, Vector g) {
  float *first = w + hyper->slot;
  float *second = first + hyper->slot;
  const Vector m0 = loadVector(first);
  const Vector m = flushed(m0 + (g - m0) * hyper->oneMinusBeta1);
  storeVector(first, m);
  const Vector v0 = loadVector(second);
  const Vector v = flushed(v0 + (g * g - v0) * hyper->oneMinusBeta2);
  storeVector(second, v);
  const Vector mean = hyper->meanFactor * m / hyper->meanDivisor + hyper->gradientFactor * g / hyper->gradientDivisor;
  const Vector root = squareRoot(v / hyper->squareDivisor) + hyper->epsilon;
  storeVector(w, loadVector(w) - mean * hyper->learningRate / root);
}

INLINE void adamax(const Hyper *hyper, float *w, Vector g) {
  float *first = w + hyper->slot;
  float *norm = first + hyper->slot;
  const Vector m0 = loadVector(first);
  const Vector m = flushed(m0 + (g - m0) * hyper->oneMinusBeta1);
  storeVector(first, m);
  const Vector size = (Vector)((Mask)g & INT32_MAX);
  const Vector u = flushed(larger(hyper->beta2 * loadVector(norm), size));
  storeVector(norm, u);
  storeVector(w, loadVector(w) - hyper->learningRate * m / (hyper->meanDivisor * (u + hyper->epsilon)));
}

INLINE void adadelta(const Hyper *hyper, float *w, Vector g) {
  float *meanSquare = w + hyper->slot;
  float *meanUpdate = meanSquare + hyper->slot;
  const Vector v = flushed(hyper->rho * loadVector(meanSquare) + hyper->oneMinusRho * (g * g));
  storeVector(meanSquare, v);
  const Vector a0 = loadVector(meanUpdate);
  const Vector d = squareRoot(a0 + hyper->epsilon) * g / squareRoot(v + hyper->epsilon);
  storeVector(meanUpdate, flushed(hyper->rho * a0 + hyper->oneMinusRho * (d * d)));
  storeVector(w, loadVector(w) - hyper->learningRate * d);
}

INLINE void lion(const Hyper *hyper, float *w, Vector g) {
  float *first = w + hyper->slot;
  const Vector m = loadVector(first);
  const Vector c = m * hyper->beta1 + g * hyper->oneMinusBeta1;
  const Vector one = (Vector){} + 1.0f;
  const Vector sign = chooseVector(c > 0, one, chooseVector(c < 0, -one, c));
  storeVector(w, loadVector(w) - hyper->learningRate * sign);
  storeVector(first, flushed(m * hyper->beta2 + g * hyper->oneMinusBeta2));
}

/** One of the rules of the header, for a row of sixteen weights. */
INLINE void updatePlain(uint32_t rule, const Hyper *hyper, float *w, Row g, float decay) {
  EACH_VECTOR {
    float *at = w + v * WIDTH;
    switch (rule) {
      case RULE_RMSPROP: rmsprop(hyper, at, g.v[v], decay); break;
      case RULE_RMSPROP_GENERAL: rmspropGeneral(hyper, at, g.v[v]); break;
      case RULE_SGD: sgd(hyper, at, g.v[v]); break;
      case RULE_SGD_MOMENTUM: sgdMomentum(hyper, at, g.v[v]); break;
      case RULE_ADAGRAD: adagrad(hyper, at, g.v[v]); break;
      case RULE_ADAM: adam(hyper, at, g.v[v]); break;
      case RULE_NADAM: nadam(hyper, at, g.v[v]); break;
      case RULE_ADAMAX: adamax(hyper, at, g.v[v]); break;
      case RULE_ADADELTA: adadelta(hyper, at, g.v[v]); break;
      case RULE_LION: lion(hyper, at, g.v[v]); break;
    }
  }
}

/** w = w - (w * weight_decay) * lr, for sixteen weights. */
INLINE void decayWeights(const Hyper *hyper, float *w) {
  EACH_VECTOR {
    const Vector weights = loadVector(w + v * WIDTH);
    storeVector(w + v * WIDTH, weights - weights * hyper->weightDecay * hyper->learningRate);
  }
}

/** g < -c ? -c : g > c ? c : g, so that NaN stays NaN. */
INLINE Row clipped(const Hyper *hyper, Row g) {
  const Vector most = (Vector){} + hyper->clipvalue;
  EACH_VECTOR {
    g.v[v] = larger(g.v[v], -most);
    g.v[v] = chooseVector(g.v[v] > most, most, g.v[v]);
  }
  return g;
}

/**
 * Any rule, with the gradient clipped by value and the weights decayed before it (rules 16 and 17). It is chosen at run
 * time and called: a copy of the layers' loops for each rule would take three times as long to compile.
 */
__attribute__((noinline)) static void updatePrepared(const Hyper *hyper, float *w, const Row *gradient, float decay) {
  if (hyper->weightDecay > 0) decayWeights(hyper, w);
  const Row g = hyper->clipvalue > 0 ? clipped(hyper, *gradient) : *gradient;
  switch (hyper->rule) {
    case RULE_RMSPROP: updatePlain(RULE_RMSPROP, hyper, w, g, decay); break;
    case RULE_RMSPROP_GENERAL: updatePlain(RULE_RMSPROP_GENERAL, hyper, w, g, decay); break;
    case RULE_SGD: updatePlain(RULE_SGD, hyper, w, g, decay); break;
    case RULE_SGD_MOMENTUM: updatePlain(RULE_SGD_MOMENTUM, hyper, w, g, decay); break;
    case RULE_ADAGRAD: updatePlain(RULE_ADAGRAD, hyper, w, g, decay); break;
    case RULE_ADAM: updatePlain(RULE_ADAM, hyper, w, g, decay); break;
    case RULE_NADAM: updatePlain(RULE_NADAM, hyper, w, g, decay); break;
    case RULE_ADAMAX: updatePlain(RULE_ADAMAX, hyper, w, g, decay); break;
    case RULE_ADADELTA: updatePlain(RULE_ADADELTA, hyper, w, g, decay); break;
    case RULE_LION: updatePlain(RULE_LION, hyper, w, g, decay); break;
  }
}

/** updatePrepared() as a rule. */
#define RULE_PREPARED 64u

/** No update: keeps the gradients, for the norms and for applyUpdates(). */
#define RULE_KEEP 65u

/**
 * Updates the sixteen weights at w with their gradients. decay: rmsprop's factor for the mean square; the other rules
 * ignore it.
 */
INLINE void update(uint32_t rule, const Hyper *hyper, float *w, Row g, float decay) {
  if (rule == RULE_PREPARED) updatePrepared(hyper, w, &g, decay);
  else if (rule == RULE_KEEP) storeRow(w + hyper->gradient, g);
  else updatePlain(rule, hyper, w, g, decay);
}

/** Its products are beta_1^t and beta_2^t. */
static void beginAdamStep(uint8_t *memory) {
  const double power1 = getF64(memory, POWER_1) * getF64(memory, BETA_1);
  const double power2 = getF64(memory, POWER_2) * getF64(memory, BETA_2);
  setF64(memory, POWER_1, power1);
  setF64(memory, POWER_2, power2);
  setF32(memory, ALPHA, (float)((getF64(memory, RATE) * __builtin_sqrt(1 - power2)) / (1 - power1)));
}

/** Its products are 0.96^t, that of its momenta, and beta_2^t. */
static void beginNadamStep(uint8_t *memory) {
  const double beta1 = getF64(memory, BETA_1);
  const double power1 = getF64(memory, POWER_1) * 0.96;
  const double u = beta1 * (1 - 0.5 * power1);
  const double next = beta1 * (1 - 0.5 * (power1 * 0.96));
  const double power2 = getF64(memory, POWER_2) * u;
  const double power3 = getF64(memory, POWER_3) * getF64(memory, BETA_2);
  setF64(memory, POWER_1, power1);
  setF64(memory, POWER_2, power2);
  setF64(memory, POWER_3, power3);
  setF32(memory, MEAN_FACTOR, (float)next);
  setF32(memory, MEAN_DIVISOR, (float)(1 - power2 * next));
  setF32(memory, GRADIENT_FACTOR, (float)(1 - u));
  setF32(memory, GRADIENT_DIVISOR, (float)(1 - power2));
  setF32(memory, SQUARE_DIVISOR, (float)(1 - power3));
}

/** Its product is beta_1^t. */
static void beginAdamaxStep(uint8_t *memory) {
  const double power = getF64(memory, POWER_1) * getF64(memory, BETA_1);
  setF64(memory, POWER_1, power);
  setF32(memory, MEAN_DIVISOR, (float)(1 - power));
}

/** Called before each step: updates the running products and what is derived from them, in float64. */
static void beginStep(uint8_t *memory) {
  switch (getU32(memory, RULE)) {
    case RULE_ADAM: beginAdamStep(memory); break;
    case RULE_NADAM: beginNadamStep(memory); break;
    case RULE_ADAMAX: beginAdamaxStep(memory); break;
  }
}
