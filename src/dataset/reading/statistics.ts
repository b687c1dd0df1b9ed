/** What numbers are like: sums in float64, in the order given, so that they are the same on every machine. */
export interface Statistics {
  readonly count: number;
  readonly mean: number;
  /** Of a population: divided by the count. */
  readonly deviation: number;
  readonly min: number;
  readonly max: number;
}

/**
 * each: calls what it gets with each number, the same in both of its walks. Of no number at all, mean and deviation are
 * NaN.
 */
export function statisticsOf(each: (use: (value: number) => void) => void): Statistics {
  let [count, sum, min, max] = [0, 0, Infinity, -Infinity];
  each((value) => {
    count += 1;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  });
  // The mean of equal numbers would be rounded, and their deviation not 0.
  if (min === max) return { count, mean: min, deviation: 0, min, max };
  const mean = sum / count;
  let squares = 0;
  each((value) => {
    squares += (value - mean) * (value - mean);
  });
  return { count, mean, deviation: Math.sqrt(squares / count), min, max };
}
