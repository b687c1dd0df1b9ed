// biome-ignore-start lint/suspicious/noApproximativeNumericConstant: written out, as in exp-log.ts
const LN2 = 0.6931471805599453;
const SQRT2_MINUS_1 = 0.41421356237309503;
// biome-ignore-end lint/suspicious/noApproximativeNumericConstant: written out, as in exp-log.ts

/**
 * log(1 + e) for 0 <= e <= 1, the only range that softplus needs, in float64 from + - * and / alone (rule 3). NaN for NaN.
 *
 * As in log (exp-log.ts), log y = 2 (t + t^3/3 + t^5/5 + ...) with t = (y - 1) / (y + 1), and y = 1 + e is halved above
 * sqrt(2); but t is computed from e, because 1 + e has lost the last digits of a small e. |t| < 0.172: the first term left
 * out, t^17/17, is less than 1e-14.
 */
export function log1p(e: number): number {
  const isHalved = e > SQRT2_MINUS_1;
  const t = isHalved ? (e - 1) / (e + 3) : e / (e + 2);
  const tt = t * t;
  let series = 1 / 15;
  for (let n = 13; n >= 1; n -= 2) series = series * tt + 1 / n;
  return isHalved ? LN2 + 2 * t * series : 2 * t * series;
}
