/** The tick marks of an axis and their labels. */

export interface Axis {
  min: number;
  max: number;
  ticks: number[];
  /** One for each tick. */
  labels: string[];
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
  return { min: ticks[0], max: ticks.at(-1)!, ticks, labels: labelsOf(ticks) };
}

/** With a smaller ratio between its ends, a logarithmic axis has the ticks of a linear one. */
const SMALL_RATIO = 3;

/**
 * A vertical axis around values above 0, for their logarithms to the base 10: its ends and ticks are logarithms, its
 * labels the values.
 * @param bounds see `valueAxis`.
 */
export function logAxis(values: readonly number[], bounds: { min: number; max: number }): Axis {
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), 0);
  if (values.length === 0) return decades(-1, 0, 1);
  if (high / low < SMALL_RATIO) {
    const { ticks, labels } = valueAxis(values, bounds);
    return axisOf(ticks.map((tick, i) => ({ at: Math.log10(tick), label: labels[i] })));
  }
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  if (last - first > 2) return decades(first, last, Math.ceil((last - first) / 8));
  const marks = Array.from({ length: last - first + 1 }, (_, i) => first + i).flatMap((power) =>
    [1, 2, 5].map((factor) => ({ at: power + Math.log10(factor), label: powerLabel(factor, power) })),
  );
  const from = marks.findLastIndex(({ at }) => at <= Math.log10(low) + 1e-9);
  const to = marks.findIndex(({ at }) => at >= Math.log10(high) - 1e-9);
  return axisOf(marks.slice(from, to + 1));
}

/** Ticks at every so many powers of ten; the last power has one. */
function decades(first: number, last: number, step: number): Axis {
  const count = Math.ceil((last - first) / step);
  const powers = Array.from({ length: count + 1 }, (_, i) => last - (count - i) * step);
  return axisOf(powers.map((power) => ({ at: power, label: powerLabel(1, power) })));
}

function axisOf(marks: readonly { at: number; label: string }[]): Axis {
  const ticks = marks.map(({ at }) => at);
  return { min: ticks[0], max: ticks.at(-1)!, ticks, labels: marks.map(({ label }) => label) };
}

/** 0.002, 50 or 2e-7. */
const powerLabel = (factor: number, power: number): string =>
  power > -4 && power < 5 ? String(Number(`${factor}e${power}`)) : `${factor}e${power}`;

/** A horizontal axis from epoch 1 to the last, with at most eleven ticks, all at whole numbers. */
export function epochAxis(last: number): Axis {
  if (last <= 1) return { min: 0, max: 2, ticks: [1], labels: ['1'] };
  const step = Math.ceil(niceStep(Math.max(1, (last - 1) / 10)));
  const ticks: number[] = [];
  for (let epoch = step; epoch <= last; epoch += step) ticks.push(epoch);
  if (step >= 5) ticks.unshift(1);
  return { min: 1, max: last, ticks, labels: ticks.map(String) };
}

const round = (value: number): number => Number(value.toPrecision(12));

/** Labels with just enough digits to distinguish neighbouring ticks. */
function labelsOf(ticks: readonly number[]): string[] {
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
