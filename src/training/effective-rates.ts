import { type EffectiveRates, RATE_BORDERS } from '../contract/doctor.ts';
import type { Optimizer } from '../contract/optimizer.ts';
import type { Engine } from '../engine/engine.ts';
import { placesOf } from './places.ts';

/** By how much a step of some optimizers multiplies a gradient of 1, and how many parameters have which factor. */

const BINS = RATE_BORDERS.length + 1;

/**
 * The slot whose mean square divides the gradient, and the largest of its values that still gives a rate of `border` or
 * more; null where there is no such slot, or more than one decides. rate: the learning rate. powers: of the engine's state.
 */
function divisor(
  optimizer: Optimizer,
  rate: number,
  powers: readonly number[],
): { slot: string; most: (border: number) => number } | null {
  const square = (x: number) => x * x;
  switch (optimizer.type) {
    // rate / sqrt(v + epsilon)
    case 'rmsprop':
    case 'adagrad': {
      if (optimizer.type === 'rmsprop' && optimizer.centered) return null;
      const slot = optimizer.type === 'rmsprop' ? 'mean_square' : 'accumulator';
      return { slot, most: (border) => square(rate / border) - optimizer.epsilon };
    }
    // rate / (sqrt(v / (1 - beta_2^t)) + epsilon)
    case 'adam':
    case 'adamw': {
      const slot = optimizer.amsgrad ? 'largest_second_moment' : 'second_moment';
      const most = (border: number) => {
        const root = rate / border - optimizer.epsilon;
        return root < 0 ? -1 : square(root) * (1 - powers[1]!);
      };
      return { slot, most };
    }
    case 'sgd':
    case 'nadam':
    case 'adamax':
    case 'adadelta':
    case 'lion':
      return null;
    default:
      return optimizer satisfies never;
  }
}

/**
 * For each layer, how many of the parameters that are looked at are in each bin; null where the optimizer has no such rate.
 * Between epochs only.
 */
export function effectiveRates(optimizer: Optimizer, rate: number, engine: Engine): EffectiveRates {
  const found = divisor(optimizer, rate, engine.powers());
  if (found === null) return null;
  // Descending, since a larger v has a smaller rate.
  const limits = RATE_BORDERS.map(found.most);
  return engine.layout.layers.map(({ weightsOffset, biasesOffset, outputs }) => {
    const places = placesOf(weightsOffset, biasesOffset + outputs);
    return histogram(engine.valuesAt(places, found.slot), limits);
  });
}

/** The bin of v is the number of limits that it does not exceed. */
function histogram(values: Float32Array, limits: readonly number[]): number[] {
  const counts = new Array<number>(BINS).fill(0);
  for (let k = 0; k < values.length; k += 1) {
    const v = values[k]!;
    let [low, high] = [0, limits.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (v <= limits[middle]!) low = middle + 1;
      else high = middle;
    }
    counts[low]! += 1;
  }
  return counts;
}
