/**
 * Sine and cosine of angles in turns (1 = 360 degrees), from + - * / and floor alone, which are exactly rounded on
 * every machine; the last bits of Math.sin and Math.cos are not.
 *
 * The turn is reduced exactly: t - floor(t + 1/2) is in [-1/2, 1/2], and is mirrored into [-1/4, 1/4] by 1/2 - t. With
 * x = 2 pi t, |x| <= pi / 2, the Taylor series ends at x^21 / 21!: the first term left out, x^23 / 23!, is less than
 * 1.3e-18. Rounding adds less than 4 units of 2^-53, so the error is below 5e-16.
 */

/** Written out, so that it is the same double everywhere. */
const TWO_PI = 6.283185307179586;

/** turns: |turns| < 2^50. */
export function sineOfTurns(turns: number): number {
  let t = turns - Math.floor(turns + 0.5);
  if (t > 0.25) t = 0.5 - t;
  else if (t < -0.25) t = -0.5 - t;
  const x = TWO_PI * t;
  const square = x * x;
  let series = 1;
  for (let n = 20; n >= 2; n -= 2) series = 1 - (square / (n * (n + 1))) * series;
  return x * series;
}

/** The cosine is the sine of a quarter less the angle, which is taken from the turn after it is reduced. */
export function cosineOfTurns(turns: number): number {
  const t = turns - Math.floor(turns + 0.5);
  return sineOfTurns(0.25 - Math.abs(t));
}
