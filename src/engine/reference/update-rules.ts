import type { Optimizer } from '../../contract/optimizer.ts';
import { initialSlotValue, slotNames, unknown } from '../optimizer-state.ts';
import { adam, adamax, lion, nadam } from './adam-rules.ts';
import { adadelta, adagrad, rmsprop, sgd } from './gradient-rules.ts';
import type { UpdateRule } from './update-rule.ts';

/** The rule for a model with `parameters` parameters. stepsPerEpoch: the most steps in a row that can skip a row. */
export function createUpdateRule(
  optimizer: Optimizer,
  parameters: number,
  stepsPerEpoch: number,
): UpdateRule {
  const slots = slotNames(optimizer).map((name) => ({
    name,
    values: new Float32Array(parameters).fill(initialSlotValue(optimizer)),
  }));
  switch (optimizer.type) {
    case 'rmsprop':
      return rmsprop(optimizer, slots, stepsPerEpoch);
    case 'sgd':
      return sgd(optimizer, slots);
    case 'adagrad':
      return adagrad(optimizer, slots);
    case 'adam':
    case 'adamw':
      return adam(optimizer, slots);
    case 'nadam':
      return nadam(optimizer, slots);
    case 'adamax':
      return adamax(optimizer, slots);
    case 'adadelta':
      return adadelta(optimizer, slots);
    case 'lion':
      return lion(optimizer, slots);
    default:
      return unknown(optimizer);
  }
}
