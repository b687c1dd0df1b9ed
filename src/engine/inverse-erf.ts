import { log } from './reference/exp-log.ts';

/**
 * Coefficients of erfinv(x) / x in powers of w - 3.125, from the highest down, for w = -log(1 - x^2) < 6.25.
 *
 * Giles: Approximating the erfinv function, GPU Computing Gems Jade Edition (2012), double precision. Written as the
 * doubles that they round to.
 */
const COEFFICIENTS = [
  -3.64441206401782e-21, -1.6850591381820166e-19, 1.28584807152564e-18, 1.1157877678025181e-17,
  -1.333171662854621e-16, 2.0972767875968562e-17, 6.637638134358324e-15, -4.054566272975207e-14,
  -8.151934197605472e-14, 2.6335093153082323e-12, -1.2975133253453532e-11, -5.415412054294628e-11,
  1.0512122733215323e-9, -4.112633980346984e-9, -2.9070369957882005e-8, 4.2347877827932404e-7,
  -1.3654692000834679e-6, -1.3882523362786469e-5, 0.00018673420803405714, -0.000740702534166267,
  -0.006033670871430149, 0.24015818242558962, 1.6536545626831027,
];

/**
 * The x with erf(x) = y, for |y| <= 0.96, in float64 from our own log and + - * / (rule 10): w = log(1 / ((1 - y) * (1 + y)))
 * - 3.125, the polynomial in w by Horner's rule from the highest power down, times y. Its relative error is below 1e-14.
 */
export function inverseErf(y: number): number {
  const w = log(1 / ((1 - y) * (1 + y))) - 3.125;
  let series = 0;
  for (const coefficient of COEFFICIENTS) series = series * w + coefficient;
  return series * y;
}
