import type { EngineProblem } from './small-problem.ts';

/**
 * A second implementation of the model's loss, in float64, which shares only the layout with the engine. It is the
 * oracle for gradients by finite differences.
 *
 * weights: (P), rows: (B) row numbers. Returns the batch's mean loss.
 */
export function float64Loss(
  weights: Float64Array,
  { layout, values, targets, source, loss, labelSmoothing, classWeights, l1, l2 }: EngineProblem,
  rows: readonly number[],
  activation: (z: number) => number,
): number {
  const divisor = source.storage === 'u8' ? 255 : 1;
  const losses = rows.map((row) => {
    const inputs = values.subarray(row * layout.inputs, (row + 1) * layout.inputs);
    let outputs = Array.from(inputs, (value) => value / divisor);
    layout.layers.forEach(({ outputs: O, weightsOffset, biasesOffset }, l) => {
      const sums = Array.from({ length: O }, (_, j) =>
        outputs.reduce(
          (sum, x, i) => sum + x * weights[weightsOffset + i * O + j],
          weights[biasesOffset + j],
        ),
      );
      outputs = l + 1 < layout.layers.length ? sums.map(activation) : sums;
    });
    const error = Math.abs(outputs[0] - targets[row]);
    if (loss === 'mse') return error ** 2;
    if (loss === 'mae') return error;
    if (loss === 'huber') return error <= 1 ? error ** 2 / 2 : error - 0.5;
    const logOfSum = Math.log(outputs.reduce((sum, z) => sum + Math.exp(z), 0));
    const crossentropy = outputs.reduce((sum, z, j) => {
      const target = (j === targets[row] ? 1 - labelSmoothing : 0) + labelSmoothing / outputs.length;
      return sum + target * (logOfSum - z);
    }, 0);
    return (classWeights?.[targets[row]] ?? 1) * crossentropy;
  });
  const penalty = layout.layers.reduce((total, { weightsOffset, biasesOffset }) => {
    const kernel = weights.subarray(weightsOffset, biasesOffset);
    return total + kernel.reduce((sum, w) => sum + l1 * Math.abs(w) + l2 * w ** 2, 0);
  }, 0);
  return losses.reduce((sum, each) => sum + each, 0) / rows.length + penalty;
}
