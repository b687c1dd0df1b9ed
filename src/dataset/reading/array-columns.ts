import type { Scale } from './array-rows.ts';
import { meanAndDeviation } from './array-targets.ts';
import type { NumberColumn } from './made-dataset.ts';

/** The columns of a table that comes as an array, which has no names: x0, x1 ... */

/** train: (R, inputs) as given. */
export function numberColumns(
  train: Float32Array | Float64Array,
  inputs: number,
  scale: Scale,
): NumberColumn[] {
  return Array.from({ length: inputs }, (_, c) => {
    const { mean, deviation } = meanAndDeviation(train, c, inputs);
    let [min, max] = [Infinity, -Infinity];
    for (let k = c; k < train.length; k += inputs) {
      min = Math.min(min, train[k]!);
      max = Math.max(max, train[k]!);
    }
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
  for (let k = 0; k < values.length; k += 1) {
    const { offset, divisor } = columns[k % columns.length]!;
    result[k] = (values[k]! - offset) / divisor;
  }
  return result;
}
