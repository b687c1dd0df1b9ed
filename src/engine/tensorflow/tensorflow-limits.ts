import type { Optimizer } from '../../contract/optimizer.ts';
import { unknown } from '../optimizer-state.ts';

/** tfjs's adagrad has this one built in. */
const ADAGRAD_EPSILON = 1e-7;

/**
 * From here on the losses of the first 50 steps stay within 1e-3 of the other engines', whatever beta_1 is; with 0.5 and
 * a beta_1 of 0.9999999 they are 2e-3 apart, with 0.1 and the usual beta_1 0.1.
 */
const LEAST_BETA_2 = 0.9;

/**
 * The optimizer options with which TensorFlow.js 4.22 (tfjs-core/src/optimizers) would compute something else than the
 * other engines: names of fields, each with what is allowed and why. Empty = it can train this.
 */
export function tensorflowLacks(optimizer: Optimizer): { field: string; detail: string }[] {
  switch (optimizer.type) {
    case 'rmsprop':
      return optimizer.centered
        ? [lack('centered', 'false', 'its centered rmsprop subtracts epsilon where it must be added')]
        : [];
    case 'adagrad':
      return optimizer.epsilon === ADAGRAD_EPSILON
        ? []
        : [lack('epsilon', String(ADAGRAD_EPSILON), 'its adagrad has this value built in')];
    case 'adam':
      return [
        ...(optimizer.amsgrad ? [lack('amsgrad', 'false', 'its adam has no amsgrad')] : []),
        ...(optimizer.beta_2 < LEAST_BETA_2
          ? [
              lack(
                'beta_2',
                `at least ${LEAST_BETA_2}`,
                'with less of the mean square kept, steps hang on the last digits of gradients, where it differs',
              ),
            ]
          : []),
      ];
    case 'sgd':
      return [];
    default:
      return unknown(optimizer);
  }
}

const lack = (field: string, allowed: string, why: string) => ({
  field,
  detail: `must be ${allowed} with the engine tensorflow: ${why}; every other engine takes it`,
});
