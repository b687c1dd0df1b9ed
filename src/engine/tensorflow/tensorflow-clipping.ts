import type { Shared } from '../../contract/optimizer.ts';
import type { Tensor, TensorFlow, Variable } from './tensorflow-module.ts';

/** What Keras does before an update and TensorFlow.js's optimizers do not: clipping, and the decay of weights. */

/** The clipped gradients; undefined = a norm is not finite. */
export function clippedGradients(
  { core }: Pick<TensorFlow, 'core'>,
  gradients: readonly Tensor[],
  { clipvalue, clipnorm, global_clipnorm }: Shared,
): Tensor[] | undefined {
  if (clipvalue !== null) return gradients.map((g) => core.clipByValue(g, -clipvalue, clipvalue));
  const most = clipnorm ?? global_clipnorm;
  if (most === null) return [...gradients];
  const squares = gradients.map((g) => core.sum(core.square(g)).dataSync<'float32'>()[0]);
  const whole = Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
  if (!Number.isFinite(whole)) return undefined;
  return gradients.map((g, k) => {
    const norm = clipnorm === null ? whole : Math.sqrt(squares[k]);
    return norm <= most ? g : core.mul(g, most / norm);
  });
}

/** w = w - w * weight_decay * lr */
export function decayWeights(
  { core }: Pick<TensorFlow, 'core'>,
  weights: readonly Variable[],
  weightDecay: number,
  rate: number,
): void {
  for (const variable of weights) variable.assign(core.sub(variable, core.mul(variable, weightDecay * rate)));
}
