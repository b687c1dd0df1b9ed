import type { ModelLayout } from '../../src/engine/model-layout.ts';

/**
 * A second implementation of the model's loss, in float64, which shares only the layout with the engine. It is the
 * oracle for gradients by finite differences.
 *
 * weights: (P), images: (R, I), labels: (R), rows: (B) row numbers. Returns the batch's mean loss.
 */
export function float64Loss(
  weights: Float64Array,
  layout: ModelLayout,
  images: Uint8Array,
  labels: Uint8Array,
  rows: readonly number[],
  activation: (z: number) => number,
): number {
  const losses = rows.map((row) => {
    let values = Array.from(images.subarray(row * layout.inputs, (row + 1) * layout.inputs), (p) => p / 255);
    layout.layers.forEach(({ outputs, weightsOffset, biasesOffset }, l) => {
      const sums = Array.from({ length: outputs }, (_, j) =>
        values.reduce(
          (sum, x, i) => sum + x * weights[weightsOffset + i * outputs + j],
          weights[biasesOffset + j],
        ),
      );
      values = l + 1 < layout.layers.length ? sums.map(activation) : sums;
    });
    const sumOfExponentials = values.reduce((sum, z) => sum + Math.exp(z), 0);
    return Math.log(sumOfExponentials) - values[labels[row]];
  });
  return losses.reduce((sum, loss) => sum + loss, 0) / rows.length;
}
