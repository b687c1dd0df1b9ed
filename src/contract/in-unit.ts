import type { DataShape } from './data-shape.ts';

/** Numbers in the unit of the data, from those that the model sees: number = mean + deviation * standardised. */

export type Standardised = NonNullable<DataShape['target']>;

/** In float64. */
export const inUnit = (value: number, { mean, deviation }: Standardised): number => mean + deviation * value;

/** Digits of a float32, and one less. */
const DIGITS = 7;

/**
 * A target as it was in the source, nearly always. The float32 of a standardised target has lost what follows its
 * seventh digit, so that 21.5 would be 21.500000312: it is rounded to a millionth of the deviation's power of ten.
 */
export function targetInUnit(value: number, target: Standardised): number {
  const [, exponent] = target.deviation.toExponential().split('e') as [string, string];
  const decimals = Math.min(Math.max(DIGITS - 1 - Number(exponent), 0), 100);
  return Number(inUnit(value, target).toFixed(decimals));
}
