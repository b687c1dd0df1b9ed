import { log } from './reference/exp-log.ts';

/**
 * Coefficients of erfinv(x) / x in powers of w - 3.125, from the highest down, for w = -log(1 - x^2) < 6.25.
 *
 * Giles: Approximating the erfinv function, GPU Computing Gems Jade Edition (2012), double precision.
 */
const COEFFICIENTS = [
  -3.6444120640178196996e-21, -1.685059138182016589e-19, 1.2858480715256400167e-18, 1.115787767802518096e-17,
  -1.333171662854620906e-16, 2.0972767875968561637e-17, 6.6376381343583238325e-15, -4.0545662729752068639e-14,
  -8.1519341976054721522e-14, 2.6335093153082322977e-12, -1.2975133253453532498e-11, -5.4154120542946279317e-11,
  1.051212273321532285e-9, -4.1126339803469836976e-9, -2.9070369957882005086e-8, 4.2347877827932403518e-7,
  -1.3654692000834678645e-6, -1.3882523362786468719e-5, 0.0001867342080340571352, -0.00074070253416626697512,
  -0.0060336708714301490533, 0.24015818242558961693, 1.6536545626831027356,
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
