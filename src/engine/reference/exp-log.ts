/**
 * exp, log and cos (rules 5 and 14) in float64, from + - * / and floor alone. Those are exactly rounded on every
 * machine, whereas the last bits of Math.exp, Math.log, Math.cos and Math.pow may differ between JavaScript engines.
 *
 * Rule 5 needs exp of x <= 0 and log of s >= 1 only, so kernels have no more than that. Its callers round the result to
 * float32 once, which leaves it within 1 ulp of the true value.
 */

// Written out, so that other languages use exactly the same doubles.
// biome-ignore-start lint/suspicious/noApproximativeNumericConstant: see above
const LN2 = 0.6931471805599453;
const LOG2E = 1.4426950408889634;
const SQRT2 = 1.4142135623730951;
const SQRT1_2 = 0.7071067811865476;
const TWO_BY_PI = 0.6366197723675814;
/** pi / 2 as the sum of two doubles, the first with so few digits that whole multiples of it up to 2^20 are exact. */
const HALF_PI = 1.5707963267341256;
const HALF_PI_REST = 6.077100506506192e-11;
// biome-ignore-end lint/suspicious/noApproximativeNumericConstant: see above

/** Below this, exp is less than half the smallest float32, so it returns 0 and HALVES can end. */
const SMALLEST_EXPONENT = -104;

/** From this on, exp is larger than any double. */
const LARGEST_EXPONENT = 709;

/** HALVES[k] = 2^-k, from 1 to the smallest normal double; exact, since halving is. */
const HALVES = new Float64Array(1023);
HALVES[0] = 1;
for (let k = 1; k < HALVES.length; k += 1) HALVES[k] = HALVES[k - 1] / 2;

/** INVERSE_FACTORIALS[n] = 1 / n! */
const TAYLOR_DEGREE = 11;
const INVERSE_FACTORIALS = new Float64Array(TAYLOR_DEGREE + 1);
for (let n = 0, factorial = 1; n <= TAYLOR_DEGREE; n += 1, factorial *= n) {
  INVERSE_FACTORIALS[n] = 1 / factorial;
}

/**
 * e^x: 0 below -104, Infinity above 709, NaN for NaN. The relative error is below 3e-14 for |x| <= 80, and below 2e-13
 * elsewhere.
 *
 * x = k ln 2 + r with |r| <= ln 2 / 2, so e^x = 2^k e^r. e^r comes from its Taylor series; the first term left
 * out, r^12 / 12!, is less than 1e-14.
 */
export function exp(x: number): number {
  // Both tests come before k is used as an index: in other languages a NaN would read out of bounds.
  if (Number.isNaN(x)) return x;
  if (x < SMALLEST_EXPONENT) return 0;
  if (x > LARGEST_EXPONENT) return Infinity;
  const k = Math.floor(x * LOG2E + 0.5);
  const r = x - k * LN2;
  let series = INVERSE_FACTORIALS[TAYLOR_DEGREE];
  for (let n = TAYLOR_DEGREE - 1; n >= 0; n -= 1) series = series * r + INVERSE_FACTORIALS[n];
  // 2^1023 is the largest power of two: k is 1023 at most.
  return k > 0 ? series / HALVES[k - 1] / HALVES[1] : series * HALVES[-k];
}

/**
 * Natural logarithm of s: NaN below 0, -Infinity for 0; NaN and Infinity are returned unchanged. The error is below
 * 2e-14, absolute or relative, whichever is larger.
 *
 * s = 2^k y with sqrt(1/2) < y <= sqrt(2), so log s = k ln 2 + log y, and with t = (y - 1) / (y + 1)
 * log y = 2 (t + t^3/3 + t^5/5 + ...). |t| < 0.172: the first term left out, t^17/17, is less than 1e-14.
 */
export function log(s: number): number {
  if (!(s < Infinity)) return s;
  if (s <= 0) return s === 0 ? -Infinity : Number.NaN;
  let k = 0;
  let y = s;
  while (y > SQRT2) {
    y = y / 2;
    k += 1;
  }
  while (y <= SQRT1_2) {
    y = y * 2;
    k -= 1;
  }
  const t = (y - 1) / (y + 1);
  const tt = t * t;
  let series = 1 / 15;
  for (let n = 13; n >= 1; n -= 2) series = series * tt + 1 / n;
  return k * LN2 + 2 * t * series;
}

/** b^p for b >= 0. b^0 = 1 and b^1 = b exactly; otherwise e^(p log b), with the errors of exp and log. */
export function power(b: number, p: number): number {
  if (p === 0) return 1;
  return p === 1 ? b : exp(p * log(b));
}

/** (-1)^n / (2n + first)! for n = 0 .. 8: the coefficients of cosine (first = 0) and sine (first = 1). */
function alternating(first: 0 | 1): Float64Array {
  const terms = new Float64Array(9);
  terms[0] = 1;
  for (let n = 1; n < terms.length; n += 1) {
    terms[n] = -terms[n - 1] / ((2 * n + first - 1) * (2 * n + first));
  }
  return terms;
}

const COSINE = alternating(0);
const SINE = alternating(1);

/**
 * Cosine of x for |x| <= 2^20. The absolute error is below 1e-15.
 *
 * x = k pi/2 + r with |r| <= pi / 4, so cos x is cos r, -sin r, -cos r or sin r for k mod 4 = 0, 1, 2, 3. These come from
 * their Taylor series to r^16 and r^17; the first terms left out are less than 1e-16.
 */
export function cos(x: number): number {
  const k = Math.floor(x * TWO_BY_PI + 0.5);
  const r = x - k * HALF_PI - k * HALF_PI_REST;
  const quarter = k - 4 * Math.floor(k / 4);
  const terms = quarter % 2 === 0 ? COSINE : SINE;
  const rr = r * r;
  let series = terms[8];
  for (let n = 7; n >= 0; n -= 1) series = series * rr + terms[n];
  if (quarter % 2 === 1) series = series * r;
  return quarter === 1 || quarter === 2 ? -series : series;
}
