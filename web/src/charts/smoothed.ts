/**
 * An exponential mean of the values so far, without the pull of a first value.
 * @param weight of what was before: 0 leaves all as it is, below 1
 */
export function smoothed(values: readonly (number | null)[], weight: number): (number | null)[] {
  let [sum, weights] = [0, 0];
  return values.map((value) => {
    if (value === null) return null;
    sum = weight * sum + (1 - weight) * value;
    weights = weight * weights + (1 - weight);
    return sum / weights;
  });
}
