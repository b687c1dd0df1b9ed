import type { EngineOptions } from './engine.ts';

/** The terms of the loss that keep weights small (rule 14), as Keras's kernel_regularizer L1L2 adds them to it. */

export type Penalty = Pick<EngineOptions, 'l1' | 'l2'>;

export const hasPenalty = ({ l1, l2 }: Penalty): boolean => l1 > 0 || l2 > 0;

/**
 * l1 * sum |w| + l2 * sum w^2 over the kernels, not the biases, in float64: down each column, then over columns, then over
 * layers. weights: (P).
 */
export function penaltyOf(
  weights: Float32Array,
  { layout, l1, l2 }: Pick<EngineOptions, 'layout'> & Penalty,
): number {
  if (!hasPenalty({ l1, l2 })) return 0;
  let [sizes, squares] = [0, 0];
  for (const { inputs: I, outputs: O, weightsOffset } of layout.layers) {
    const [sizesOf, squaresOf] = [new Float64Array(O), new Float64Array(O)];
    for (let k = 0; k < I * O; k += 1) {
      const w = weights[weightsOffset + k];
      sizesOf[k % O] += Math.abs(w);
      squaresOf[k % O] += w * w;
    }
    sizes += sizesOf.reduce((sum, each) => sum + each, 0);
    squares += squaresOf.reduce((sum, each) => sum + each, 0);
  }
  return l1 * sizes + l2 * squares;
}
