import type { Optimizer } from '../contract/optimizer.ts';
import type { EngineOptions } from './engine.ts';
import { hasPenalty } from './penalty.ts';

/**
 * The properties of each optimizer that all engines need: the state it keeps, and the rows it may skip. Each switch
 * lists every optimizer of the contract, so a new one does not compile until it is in all of them.
 *
 * The formulas are in reference/update-rules.ts.
 */

const { fround } = Math;

/** The smallest normal float32. Smaller, denormal numbers have fewer digits and are slow on some machines. */
export const SMALLEST_NORMAL = 1.1754943508222875e-38;

/** The slots an optimizer keeps, in the order in which they are saved. A slot has one value per parameter. */
export function slotNames(optimizer: Optimizer): string[] {
  switch (optimizer.type) {
    case 'rmsprop':
      return [
        'mean_square',
        ...(optimizer.centered ? ['mean_gradient'] : []),
        ...(optimizer.momentum > 0 ? ['momentum'] : []),
      ];
    case 'sgd':
      return optimizer.momentum > 0 ? ['momentum'] : [];
    case 'adagrad':
      return ['accumulator'];
    case 'adam':
    case 'adamw':
      return ['first_moment', 'second_moment', ...(optimizer.amsgrad ? ['largest_second_moment'] : [])];
    case 'nadam':
      return ['first_moment', 'second_moment'];
    case 'adamax':
      return ['first_moment', 'infinity_norm'];
    case 'adadelta':
      return ['mean_square', 'mean_square_update'];
    case 'lion':
      return ['first_moment'];
    default:
      return unknown(optimizer);
  }
}

/** The initial value of all entries of an optimizer's slots. */
export function initialSlotValue(optimizer: Optimizer): number {
  switch (optimizer.type) {
    case 'adagrad':
      return fround(optimizer.initial_accumulator_value);
    case 'rmsprop':
    case 'sgd':
    case 'adam':
    case 'adamw':
    case 'nadam':
    case 'adamax':
    case 'adadelta':
    case 'lion':
      return 0;
    default:
      return unknown(optimizer);
  }
}

/** How many float64 running products an optimizer keeps. */
export function powerCount(optimizer: Optimizer): number {
  switch (optimizer.type) {
    case 'adam':
    case 'adamw':
      return 2;
    case 'nadam':
      return 3;
    case 'adamax':
      return 1;
    case 'rmsprop':
    case 'sgd':
    case 'adagrad':
    case 'adadelta':
    case 'lion':
      return 0;
    default:
      return unknown(optimizer);
  }
}

/** What decides how a gradient changes a weight. */
export type Updates = Pick<EngineOptions, 'optimizer' | 'l1' | 'l2'>;

/** Whether one optimizer can go on with the state of another: it is of the same type and keeps the same. */
export const keepsSameState = (before: Optimizer, after: Optimizer): boolean =>
  before.type === after.type &&
  slotNames(before).join() === slotNames(after).join() &&
  powerCount(before) === powerCount(after);

/**
 * Whether a step may skip a row of the first layer whose pixels were all 0 in the batch, so that its gradient is 0
 * (rule 8). True where a gradient of 0 changes no weight, unless a decay or a penalty changes all of them.
 */
export function skipsUntouchedRows({ optimizer, l1, l2 }: Updates): boolean {
  if (optimizer.weight_decay !== null || hasPenalty({ l1, l2 })) return false;
  switch (optimizer.type) {
    case 'rmsprop':
      return !optimizer.centered && optimizer.momentum === 0;
    case 'sgd':
      return optimizer.momentum === 0;
    case 'adagrad':
      return true;
    case 'adam':
    case 'adamw':
    case 'nadam':
    case 'adamax':
    case 'adadelta':
    case 'lion':
      return false;
    default:
      return unknown(optimizer);
  }
}

/** Whether the slots of skipped rows should have decayed meanwhile and must be brought up to date (rule 8). */
export function decaysUntouchedSlots(updates: Updates): boolean {
  const { optimizer } = updates;
  switch (optimizer.type) {
    case 'rmsprop':
      return skipsUntouchedRows(updates);
    case 'sgd':
    case 'adagrad':
    case 'adam':
    case 'adamw':
    case 'nadam':
    case 'adamax':
    case 'adadelta':
    case 'lion':
      return false;
    default:
      return unknown(optimizer);
  }
}

/** Whether a step needs all gradients before it changes any weight, to scale them by their norm (rule 17). */
export const clipsByNorm = ({ clipnorm, global_clipnorm }: Optimizer): boolean =>
  clipnorm !== null || global_clipnorm !== null;

/** base^0 .. base^n, the P of rule 8: each power is the previous one times base, rounded; denormal powers become 0. */
export function powersOf(base: number, n: number): Float32Array {
  const powers = new Float32Array(n + 1);
  powers[0] = 1;
  for (let k = 1; k <= n; k += 1) {
    const power = fround(powers[k - 1] * base);
    powers[k] = power < SMALLEST_NORMAL ? 0 : power;
  }
  return powers;
}

/** The default case of every switch over optimizers: it does not compile while an optimizer is missing. */
export function unknown(optimizer: never): never {
  throw new Error(`unknown optimizer ${JSON.stringify(optimizer)}`);
}
