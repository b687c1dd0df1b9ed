import type { Shared } from '../../contract/optimizer.ts';
import type { ModelLayout } from '../model-layout.ts';

/** What happens to gradients and weights before the update, whatever the rule (rules 16 and 17). */

const { fround, sqrt } = Math;

/**
 * Clips the gradients, (P), in place. False = a norm is not finite, and nothing has changed.
 *
 * clipvalue: g = min(max(g, -clipvalue), clipvalue); NaN stays NaN.
 * clipnorm: g = g * (clipnorm / norm) in each kernel and each bias whose norm is larger than clipnorm.
 * global_clipnorm: the same with the norm of all parameters.
 */
export function clipGradients(
  gradients: Float32Array,
  { layers }: ModelLayout,
  { clipvalue, clipnorm, global_clipnorm }: Shared,
): boolean {
  if (clipvalue !== null) clipValues(gradients, fround(clipvalue));
  const most = clipnorm ?? global_clipnorm;
  if (most === null) return true;
  const tensors = tensorsOf(gradients, { layers });
  const squares = squaresOfNorms(gradients, { layers });
  const whole = sqrt(squares.reduce((sum, square) => sum + square, 0));
  if (!(whole < Infinity)) return false;
  for (const [t, { values }] of tensors.entries()) {
    const norm = clipnorm === null ? whole : sqrt(squares[t]);
    if (norm <= most) continue;
    const scale = fround(most / norm);
    for (let k = 0; k < values.length; k += 1) values[k] = values[k] * scale;
  }
  return true;
}

/** (2 L): the squares of the norms of each kernel and each bias, in float64. gradients: (P). */
export const squaresOfNorms = (gradients: Float32Array, layout: Pick<ModelLayout, 'layers'>): Float64Array =>
  Float64Array.from(tensorsOf(gradients, layout), ({ values, columns }) => sumOfSquares(values, columns));

const tensorsOf = (gradients: Float32Array, { layers }: Pick<ModelLayout, 'layers'>) =>
  layers.flatMap(({ inputs: I, outputs: O, weightsOffset, biasesOffset }) => [
    { values: gradients.subarray(weightsOffset, weightsOffset + I * O), columns: O },
    { values: gradients.subarray(biasesOffset, biasesOffset + O), columns: O },
  ]);

function clipValues(gradients: Float32Array, most: number): void {
  for (let k = 0; k < gradients.length; k += 1) {
    if (gradients[k] < -most) gradients[k] = -most;
    if (gradients[k] > most) gradients[k] = most;
  }
}

/** In float64: of each column over its rows ascending, then of the columns ascending. values: (rows, columns). */
function sumOfSquares(values: Float32Array, columns: number): number {
  let total = 0;
  for (let j = 0; j < columns; j += 1) {
    let sum = 0;
    for (let k = j; k < values.length; k += columns) sum += values[k] * values[k];
    total += sum;
  }
  return total;
}

/** w = w - (w * weight_decay) * lr. weights: (P). */
export function decayWeights(weights: Float32Array, weightDecay: number, rate: number): void {
  const [decay, lr] = [fround(weightDecay), fround(rate)];
  for (let k = 0; k < weights.length; k += 1) {
    weights[k] = fround(weights[k] - fround(fround(weights[k] * decay) * lr));
  }
}
