import type { Optimizer } from '../contract/optimizer.ts';

/**
 * What every engine must know of an optimizer: what it remembers, and which rows it may leave alone. Each switch names
 * every optimizer of the contract, so that a new one does not compile before it stands in all of them.
 *
 * The formulas: reference/update-rules.ts.
 */

const { fround } = Math;

/** Below it a float32 is denormal: it has fewer digits, and some machines are slow at it. */
export const SMALLEST_NORMAL = 1.1754943508222875e-38;

/** The slots an optimizer keeps, in the order in which they are saved: buffers of one value a parameter. */
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
      return ['first_moment', 'second_moment', ...(optimizer.amsgrad ? ['largest_second_moment'] : [])];
    default:
      return unknown(optimizer);
  }
}

/** What every value of an optimizer's slots starts from. */
export function initialSlotValue(optimizer: Optimizer): number {
  switch (optimizer.type) {
    case 'adagrad':
      return fround(optimizer.initial_accumulator_value);
    case 'rmsprop':
    case 'sgd':
    case 'adam':
      return 0;
    default:
      return unknown(optimizer);
  }
}

/** How many float64 running products an optimizer keeps. */
export function powerCount(optimizer: Optimizer): number {
  switch (optimizer.type) {
    case 'adam':
      return 2;
    case 'rmsprop':
    case 'sgd':
    case 'adagrad':
      return 0;
    default:
      return unknown(optimizer);
  }
}

/**
 * Whether a row of the first layer whose pixels were all 0 in a batch, and whose gradient therefore is 0, may be left
 * alone in that step (rule 8). True where a gradient of 0 changes no weight.
 */
export function skipsUntouchedRows(optimizer: Optimizer): boolean {
  switch (optimizer.type) {
    case 'rmsprop':
      return !optimizer.centered && optimizer.momentum === 0;
    case 'sgd':
      return optimizer.momentum === 0;
    case 'adagrad':
      return true;
    case 'adam':
      return false;
    default:
      return unknown(optimizer);
  }
}

/** Whether the slots of rows that are left alone decay meanwhile, and have to be caught up with (rule 8). */
export function decaysUntouchedSlots(optimizer: Optimizer): boolean {
  switch (optimizer.type) {
    case 'rmsprop':
      return skipsUntouchedRows(optimizer);
    case 'sgd':
    case 'adagrad':
    case 'adam':
      return false;
    default:
      return unknown(optimizer);
  }
}

/** base^0 .. base^n, each the one before times base, rounded; too small to be a normal float32 = 0: rule 8's P. */
export function powersOf(base: number, n: number): Float32Array {
  const powers = new Float32Array(n + 1);
  powers[0] = 1;
  for (let k = 1; k <= n; k += 1) {
    const power = fround(powers[k - 1] * base);
    powers[k] = power < SMALLEST_NORMAL ? 0 : power;
  }
  return powers;
}

/** Where a switch over optimizers ends: does not compile while one of them is missing above. */
export function unknown(optimizer: never): never {
  throw new Error(`there is no optimizer ${JSON.stringify(optimizer)}`);
}
