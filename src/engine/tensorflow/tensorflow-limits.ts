import type { Optimizer } from '../../contract/optimizer.ts';
import { unknown } from '../optimizer-state.ts';

/** The epsilon that is hard-coded in tfjs's adagrad. */
const ADAGRAD_EPSILON = 1e-7;

/**
 * With this beta_2 the losses of the first 50 steps stay within 1e-3 of the other engines for every beta_1. With 0.5 and a
 * beta_1 of 0.9999999 they differ by 2e-3; with 0.1 and the default beta_1, by 0.1.
 */
const LEAST_BETA_2 = 0.9;

/**
 * The optimizer options with which TensorFlow.js 4.22 (tfjs-core/src/optimizers) would not compute the same as the
 * other engines: each field with what is allowed and why. Empty if it supports all options of the optimizer.
 * isReduced: whether reduce_lr_on_plateau changes the learning rate.
 */
export function tensorflowLacks(
  optimizer: Optimizer,
  isReduced = false,
): { field: string; detail: string }[] {
  switch (optimizer.type) {
    case 'rmsprop':
      return optimizer.centered
        ? [lack('centered', 'false', 'its centered rmsprop subtracts epsilon where it must be added')]
        : [];
    case 'adagrad':
      return optimizer.epsilon === ADAGRAD_EPSILON
        ? []
        : [lack('epsilon', String(ADAGRAD_EPSILON), 'this value is hard-coded in its adagrad')];
    case 'adam':
    case 'adamw':
      return [
        ...(optimizer.amsgrad ? [lack('amsgrad', 'false', 'its adam has no amsgrad')] : []),
        ...(optimizer.beta_2 < LEAST_BETA_2
          ? [
              lack(
                'beta_2',
                `at least ${LEAST_BETA_2}`,
                'with a smaller value, steps depend on the last digits of the gradients, where it differs',
              ),
            ]
          : []),
      ];
    case 'sgd':
      return optimizer.momentum > 0 && (isReduced || typeof optimizer.learning_rate === 'object')
        ? [lack('momentum', '0 where the learning rate changes', 'its momentum takes no share of the rate')]
        : [];
    case 'adamax':
      return [];
    case 'nadam':
    case 'lion':
      return [lack('type', SUPPORTED, `it has no ${optimizer.type}`)];
    case 'adadelta':
      return [lack('type', SUPPORTED, 'its adadelta divides by the mean square of the step before')];
    default:
      return unknown(optimizer);
  }
}

const SUPPORTED = 'rmsprop, sgd, adagrad, adam, adamw or adamax';

const lack = (field: string, allowed: string, why: string) => ({
  field,
  detail: `must be ${allowed} with the engine tensorflow: ${why}; all other engines allow it`,
});
