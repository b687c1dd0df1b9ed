/**
 * The same operations on doubles as in ../reference/exp-log.ts, which explains them.
 *
 * A vectorised exp saves 2 us per step, and more than half of a step with tanh or sigmoid: 109 us instead of 257.
 */

#pragma once

#include "vector.h"

#define LN2 0.6931471805599453
#define LOG2E 1.4426950408889634
#define SQRT2 1.4142135623730951
#define SMALLEST_EXPONENT (-104.0)

/** 1.5 * 2^52: a double so large that adding it rounds to an integer, which ends up in the lowest bits of the sum. */
#define ROUNDER 6755399441055744.0

/** e^x for x <= 0. The compiler divides the constants. */
INLINE Doubles exponential(Doubles x) {
  const Doubles scaled = x * LOG2E + 0.5;
  // floor(scaled)
  const Doubles nearest = (scaled + ROUNDER) - ROUNDER;
  const Doubles k = choose(nearest > scaled, nearest - 1.0, nearest);
  const Doubles r = x - k * LN2;
  Doubles series = 1.0 / 39916800 * r + 1.0 / 3628800;
  series = series * r + 1.0 / 362880;
  series = series * r + 1.0 / 40320;
  series = series * r + 1.0 / 5040;
  series = series * r + 1.0 / 720;
  series = series * r + 1.0 / 120;
  series = series * r + 1.0 / 24;
  series = series * r + 1.0 / 6;
  series = series * r + 1.0 / 2;
  series = series * r + 1.0;
  series = series * r + 1.0;
  // 2^k, written directly as an exponent: the same bits as repeated halving.
  const Doubles power = (Doubles)(((Longs)(k + ROUNDER) + 1023) << 52);
  // For NaN the comparison is false, and the series has kept the NaN.
  return choose(x < SMALLEST_EXPONENT, (Doubles){}, series * power);
}

/** Natural logarithm of s >= 1. */
INLINE double logarithm(double s) {
  if (!(s < __builtin_inf())) return s;
  double k = 0;
  double y = s;
  while (y > SQRT2) {
    y = y / 2;
    k += 1;
  }
  const double t = (y - 1) / (y + 1);
  const double tt = t * t;
  double series = 1.0 / 15;
  series = series * tt + 1.0 / 13;
  series = series * tt + 1.0 / 11;
  series = series * tt + 1.0 / 9;
  series = series * tt + 1.0 / 7;
  series = series * tt + 1.0 / 5;
  series = series * tt + 1.0 / 3;
  series = series * tt + 1;
  return k * LN2 + 2 * t * series;
}
