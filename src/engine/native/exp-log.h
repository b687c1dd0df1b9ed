/** The exp and log of ../exp-log.ts, double by double; the reasoning stands there. */

#ifndef EXP_LOG_H
#define EXP_LOG_H

#include "memory.h"

#define LN2 0.6931471805599453
#define LOG2E 1.4426950408889634
#define SQRT2 1.4142135623730951
#define SMALLEST_EXPONENT (-104.0)

/** 2^k for -150 <= k <= 0, by writing its exponent: the bits that halving gives. */
INLINE double powerOfTwo(int64_t k) {
  const int64_t bits = (1023 + k) << 52;
  double power;
  memcpy(&power, &bits, sizeof power);
  return power;
}

/** e^x for x <= 0. The divisions of constants are done by the compiler. */
INLINE double exponential(double x) {
  // Both tests come before x is made an integer.
  if (x != x) return x;
  if (x < SMALLEST_EXPONENT) return 0;
  const double scaled = x * LOG2E + 0.5;
  // floor(scaled), without a call where the processor has no instruction for it.
  int64_t k = (int64_t)scaled;
  k -= (double)k > scaled;
  const double r = x - (double)k * LN2;
  double series = 1.0 / 39916800;
  series = series * r + 1.0 / 3628800;
  series = series * r + 1.0 / 362880;
  series = series * r + 1.0 / 40320;
  series = series * r + 1.0 / 5040;
  series = series * r + 1.0 / 720;
  series = series * r + 1.0 / 120;
  series = series * r + 1.0 / 24;
  series = series * r + 1.0 / 6;
  series = series * r + 1.0 / 2;
  series = series * r + 1;
  series = series * r + 1;
  return series * powerOfTwo(k);
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

#endif
