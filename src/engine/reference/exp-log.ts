/**
 * exp and log (rule 5) in float64, from + - * / and floor alone. Those are exactly rounded on every machine, whereas
 * the last bits of Math.exp, Math.log and Math.pow may differ between JavaScript engines. Callers round the result
 * to float32 once, which leaves it within 1 ulp of the true value.
 */

// Written out, so that other languages use exactly the same doubles.
// biome-ignore-start lint/suspicious/noApproximativeNumericConstant: see above
const LN2 = 0.6931471805599453;
const LOG2E = 1.4426950408889634;
const SQRT2 = 1.4142135623730951;
// biome-ignore-end lint/suspicious/noApproximativeNumericConstant: see above

/** Below this, exp is less than half the smallest float32, so it returns 0 and HALVES can end. */
const SMALLEST_EXPONENT = -104;

/** HALVES[k] = 2^-k; exact, since halving is. */
const HALVES = new Float64Array(151);
HALVES[0] = 1;
for (let k = 1; k < HALVES.length; k += 1) HALVES[k] = HALVES[k - 1] / 2;

/** INVERSE_FACTORIALS[n] = 1 / n! */
const TAYLOR_DEGREE = 11;
const INVERSE_FACTORIALS = new Float64Array(TAYLOR_DEGREE + 1);
for (let n = 0, factorial = 1; n <= TAYLOR_DEGREE; n += 1, factorial *= n) {
  INVERSE_FACTORIALS[n] = 1 / factorial;
}

/**
 * e^x for x <= 0, the only range that softmax and the activations need. 0 below -104; NaN for NaN.
 *
 * x = k ln 2 + r with |r| <= ln 2 / 2, so e^x = 2^k e^r. e^r comes from its Taylor series; the first term left
 * out, r^12 / 12!, is less than 1e-14.
 */
export function exp(x: number): number {
  // Both tests come before k is used as an index: in other languages a NaN would read out of bounds.
  if (Number.isNaN(x)) return x;
  if (x < SMALLEST_EXPONENT) return 0;
  const k = Math.floor(x * LOG2E + 0.5);
  const r = x - k * LN2;
  let series = INVERSE_FACTORIALS[TAYLOR_DEGREE];
  for (let n = TAYLOR_DEGREE - 1; n >= 0; n -= 1) series = series * r + INVERSE_FACTORIALS[n];
  return series * HALVES[-k];
}

/**
 * Natural logarithm of s >= 1, the only range that softmax needs. NaN and infinity are returned unchanged.
 *
 * s = 2^k y with sqrt(1/2) < y <= sqrt(2), so log s = k ln 2 + log y, and with t = (y - 1) / (y + 1)
 * log y = 2 (t + t^3/3 + t^5/5 + ...). |t| < 0.172: the first term left out, t^17/17, is less than 1e-14.
 */
export function log(s: number): number {
  if (!(s < Infinity)) return s;
  let k = 0;
  let y = s;
  while (y > SQRT2) {
    y = y / 2;
    k += 1;
  }
  const t = (y - 1) / (y + 1);
  const tt = t * t;
  let series = 1 / 15;
  for (let n = 13; n >= 1; n -= 2) series = series * tt + 1 / n;
  return k * LN2 + 2 * t * series;
}
