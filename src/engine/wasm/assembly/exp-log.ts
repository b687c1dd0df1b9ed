/** The same operations on doubles as in ../../reference/exp-log.ts, which explains them. */

const LN2: f64 = 0.6931471805599453;
const LOG2E: f64 = 1.4426950408889634;
const SQRT2: f64 = 1.4142135623730951;
const SMALLEST_EXPONENT: f64 = -104;

/** e^x for x <= 0. The compiler divides the constants. */
export function exp(x: f64): f64 {
  // Both tests come before the conversion to an integer.
  if (x != x) return x;
  if (x < SMALLEST_EXPONENT) return 0;
  const k = floor<f64>(x * LOG2E + 0.5);
  const r = x - k * LN2;
  let series: f64 = 1.0 / 39916800;
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
  return series * powerOfTwo(<i64>k);
}

/** 2^k for -150 <= k <= 0, written directly as an exponent: the same bits as repeated halving. */
@inline
function powerOfTwo(k: i64): f64 {
  return reinterpret<f64>((1023 + k) << 52);
}

/** Natural logarithm of s >= 1. */
export function log(s: f64): f64 {
  if (!(s < Infinity)) return s;
  let k: f64 = 0;
  let y = s;
  while (y > SQRT2) {
    y = y / 2;
    k += 1;
  }
  const t = (y - 1) / (y + 1);
  const tt = t * t;
  let series: f64 = 1.0 / 15;
  series = series * tt + 1.0 / 13;
  series = series * tt + 1.0 / 11;
  series = series * tt + 1.0 / 9;
  series = series * tt + 1.0 / 7;
  series = series * tt + 1.0 / 5;
  series = series * tt + 1.0 / 3;
  series = series * tt + 1;
  return k * LN2 + 2 * t * series;
}
