import type { Activation } from '../contract/activation.ts';
import type { JobSpec } from '../contract/job-spec.ts';
import type { Optimizer } from '../contract/optimizer.ts';
import { slotNames } from '../engine/optimizer-state.ts';

/**
 * What options cost in time, relative to one another: for estimates, which learn the rest from finished jobs. Measured
 * with bench/options.ts on the engines native and wasm, and rounded: their ratios differ by up to a half.
 */

/** What each optimizer's formula costs beyond one for the parameter and one for each of its slots. 1 = an update of sgd. */
const FORMULA: Record<Optimizer['type'], number> = {
  sgd: 0,
  rmsprop: 0,
  adagrad: 0,
  adam: 0,
  adamw: 0,
  nadam: 2,
  adamax: -0.5,
  adadelta: 1,
  lion: 0,
};

/** What else is computed for each parameter, in the same unit. */
const PENALTY = 3;
const NORM = 2;
const WEIGHT_DECAY = 1.5;
const CLIP_VALUE = 0.5;

/** A parameter's update in a step, in updates of sgd. */
export function updateCost({ optimizer, model }: Pick<JobSpec, 'optimizer' | 'model'>): number {
  const { type, weight_decay, clipnorm, global_clipnorm, clipvalue } = optimizer;
  return (
    1 +
    slotNames(optimizer).length +
    FORMULA[type] +
    (model.l1 > 0 || model.l2 > 0 ? PENALTY : 0) +
    (clipnorm !== null || global_clipnorm !== null ? NORM : 0) +
    (weight_decay !== null ? WEIGHT_DECAY : 0) +
    (clipvalue !== null ? CLIP_VALUE : 0)
  );
}

/** What the exp of a unit's activation costs, where 1 is that of tanh; 0 for those without. */
export const ACTIVATION_COST: Record<Activation, number> = {
  relu: 0,
  leaky_relu: 0,
  linear: 0,
  tanh: 1,
  sigmoid: 1,
  elu: 1,
  selu: 1,
  silu: 1,
  gelu_tanh: 1.5,
  softplus: 3,
};
