/** The tick marks of an axis and their labels. */

export interface Axis {
  min: number;
  max: number;
  ticks: number[];
}

const NICE = [1, 2, 2.5, 5, 10];

/** The smallest of 1, 2, 2.5, 5 times a power of ten that is at least `raw`. */
function niceStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw));
  return (NICE.find((factor) => factor * power >= raw * (1 - 1e-9)) ?? 10) * power;
}

/**
 * A vertical axis around the values, with about six ticks at round numbers.
 * @param bounds the range of the quantity; the axis leaves no room beyond it.
 */
export function valueAxis(values: readonly number[], bounds: { min: number; max: number }): Axis {
  let low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  let high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  if (values.length === 0) [low, high] = [0, 1];
  if (high - low <= Math.abs(high) * 1e-9) {
    // All values are equal: centre the line in a band around them.
    const room = high === 0 ? 1 : Math.abs(high) / 10;
    [low, high] = [low - room, high + room];
  }
  low = Math.max(low, bounds.min);
  high = Math.min(high, bounds.max);
  const step = niceStep((high - low) / 6);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => round((first + i) * step));
  return { min: ticks[0], max: ticks.at(-1)!, ticks };
}

/** A horizontal axis from epoch 1 to the last, with at most eleven ticks, all at whole numbers. */
export function epochAxis(last: number): Axis {
  if (last <= 1) return { min: 0, max: 2, ticks: [1] };
  const step = Math.ceil(niceStep(Math.max(1, (last - 1) / 10)));
  const ticks: number[] = [];
  for (let epoch = step; epoch <= last; epoch += step) ticks.push(epoch);
  if (step >= 5) ticks.unshift(1);
  return { min: 1, max: last, ticks };
}

const round = (value: number): number => Number(value.toPrecision(12));

/** Labels with just enough digits to distinguish neighbouring ticks. */
export function labelsOf(ticks: readonly number[]): string[] {
  const step = ticks.length < 2 ? 1 : Math.abs(ticks[1] - ticks[0]);
  const largest = Math.max(...ticks.map(Math.abs));
  if (largest >= 1e5 || (largest > 0 && largest < 1e-3)) {
    const digits = Math.max(0, Math.ceil(Math.log10(largest / step)));
    return ticks.map((tick) => (tick === 0 ? '0' : shortExponent(tick.toExponential(Math.min(digits, 6)))));
  }
  const decimals =
    [0, 1, 2, 3, 4, 5, 6].find((d) => Math.abs(Number(step.toFixed(d)) - step) < step * 1e-6) ?? 6;
  return ticks.map((tick) => tick.toFixed(decimals));
}

const shortExponent = (text: string): string => text.replace('e+', 'e').replace(/\.?0+e/, 'e');
