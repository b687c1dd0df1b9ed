import {
  initialSlotValue,
  skipsUntouchedRows,
  slotNames,
  type Updates,
  unknown,
} from '../optimizer-state.ts';
import { adam, adamax, lion, nadam } from './adam-rules.ts';
import { adadelta, adagrad, rmsprop, sgd } from './gradient-rules.ts';
import type { UpdateRule } from './update-rule.ts';

/** The rule for a model with `parameters` parameters. stepsPerEpoch: the most steps in a row that can skip a row. */
export function createUpdateRule(updates: Updates, parameters: number, stepsPerEpoch: number): UpdateRule {
  const { optimizer } = updates;
  const skips = skipsUntouchedRows(updates);
  const slots = slotNames(optimizer).map((name) => ({
    name,
    values: new Float32Array(parameters).fill(initialSlotValue(optimizer)),
  }));
  switch (optimizer.type) {
    case 'rmsprop':
      return rmsprop(optimizer, slots, skips, stepsPerEpoch);
    case 'sgd':
      return sgd(optimizer, slots, skips);
    case 'adagrad':
      return adagrad(optimizer, slots, skips);
    case 'adam':
    case 'adamw':
      return adam(optimizer, slots, skips);
    case 'nadam':
      return nadam(optimizer, slots, skips);
    case 'adamax':
      return adamax(optimizer, slots, skips);
    case 'adadelta':
      return adadelta(optimizer, slots, skips);
    case 'lion':
      return lion(optimizer, slots, skips);
    default:
      return unknown(optimizer);
  }
}
