import type { Scale } from './array-rows.ts';
import type { NumberColumn } from './made-dataset.ts';

/** The columns of a table that comes as an array, which has no names: x0, x1 ... */

/**
 * train: (R, inputs) as given. Sums are in row order, of all columns at a time, since rows lie side by side in memory.
 */
export function numberColumns(
  train: Float32Array | Float64Array,
  inputs: number,
  scale: Scale,
): NumberColumn[] {
  const rows = train.length / inputs;
  const sums = new Float64Array(inputs);
  const squares = new Float64Array(inputs);
  const least = new Float64Array(inputs).fill(Infinity);
  const most = new Float64Array(inputs).fill(-Infinity);
  for (let row = 0, k = 0; row < rows; row += 1) {
    for (let c = 0; c < inputs; c += 1, k += 1) {
      const value = train[k]!;
      sums[c]! += value;
      if (value < least[c]!) least[c] = value;
      if (value > most[c]!) most[c] = value;
    }
  }
  const means = sums.map((sum) => sum / rows);
  for (let row = 0, k = 0; row < rows; row += 1) {
    for (let c = 0; c < inputs; c += 1, k += 1) {
      const difference = train[k]! - means[c]!;
      squares[c]! += difference * difference;
    }
  }
  return Array.from({ length: inputs }, (_, c) => {
    const [min, max] = [least[c]!, most[c]!];
    // The mean of equal numbers would be rounded, and their deviation not 0.
    const [mean, deviation] = min === max ? [min, 0] : [means[c]!, Math.sqrt(squares[c]! / rows)];
    const [offset, divisor] = scaling(scale, { mean, deviation, min, max });
    return { name: `x${c}`, type: 'number', missing: 0, mean, deviation, min, max, offset, divisor };
  });
}

/** A column with one value only stays as it is, moved to 0. */
function scaling(
  scale: Scale,
  { mean, deviation, min, max }: { mean: number; deviation: number; min: number; max: number },
): [number, number] {
  switch (scale) {
    case 'none':
      return [0, 1];
    case 'standard':
      return [mean, deviation > 0 ? deviation : 1];
    case 'minmax':
      return [min, max > min ? max - min : 1];
  }
}

/** (value - offset) / divisor of each, rounded once. */
export function scaledBy(
  columns: readonly NumberColumn[],
  values: Float32Array | Float64Array,
): Float32Array {
  const result = new Float32Array(values.length);
  for (let k = 0; k < values.length; ) {
    for (const { offset, divisor } of columns) {
      result[k] = (values[k]! - offset) / divisor;
      k += 1;
    }
  }
  return result;
}
