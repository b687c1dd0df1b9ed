import type { Schedule } from '../contract/learning-rate.ts';
import { type Optimizer, OptimizerSchema } from '../contract/optimizer.ts';
import { SMALLEST_NORMAL, unknown } from './optimizer-state.ts';

/**
 * Finds numbers that the contract allows but that lose their meaning in the form engines use: float32, and for dropout
 * a 32-bit threshold. The check covers every number of an optimizer, including fields added later.
 */

export interface NumberFault {
  readonly field: string;
  /** The allowed range, and what the number would become. */
  readonly detail: string;
}

const { fround, sqrt } = Math;

/** The numbers of an optimizer that float32 cannot hold; empty if it holds all of them. */
export function optimizerFaults(optimizer: Optimizer): NumberFault[] {
  const faults = Object.entries(optimizer).flatMap(([field, value]) => {
    if (typeof value !== 'number') return [];
    const detail = faultOf(optimizer, field, value);
    return detail === undefined ? [] : [{ field, detail }];
  });
  if (typeof optimizer.learning_rate === 'object') faults.push(...scheduleFaults(optimizer.learning_rate));
  return faults.length > 0 ? faults : derivedFaults(optimizer);
}

function faultOf(optimizer: Optimizer, field: string, value: number): string | undefined {
  const allows = (number: number) => OptimizerSchema.safeParse({ ...optimizer, [field]: number }).success;
  const used = fround(value);
  if (value !== 0 && Math.abs(used) < SMALLEST_NORMAL) {
    return tooSmall(allows(0) ? '0 or ' : '', value);
  }
  if (allows(used)) return undefined;
  return `must be at most ${floatBelow(used)} to stay below ${used} as a 32-bit float; ${value} would become ${used}`;
}

const tooSmall = (zero: string, value: number): string =>
  `must be ${zero}at least ${SMALLEST_NORMAL}, the smallest number that 32-bit floats hold in full; ${value} would become ${fround(value)}`;

/** The rates of a schedule. Its other numbers are used in float64 only. */
function scheduleFaults(schedule: Schedule): NumberFault[] {
  const rates = Object.entries(schedule).flatMap(([field, value]): [string, unknown][] => {
    if (field === 'values')
      return schedule.type === 'piecewise_constant_decay' ? indexed(schedule.values) : [];
    return RATES.has(field) ? [[field, value]] : [];
  });
  return rates.flatMap(([field, value]) => {
    if (typeof value !== 'number' || value === 0 || fround(value) >= SMALLEST_NORMAL) return [];
    return [{ field: `learning_rate/${field}`, detail: tooSmall('0 or ', value) }];
  });
}

const RATES: ReadonlySet<string> = new Set(['initial_learning_rate', 'end_learning_rate', 'warmup_target']);

const indexed = (values: readonly number[]): [string, number][] =>
  values.map((value, k) => [`values/${k}`, value]);

/** Faults of constants that engines derive from several numbers. */
function derivedFaults(optimizer: Optimizer): NumberFault[] {
  switch (optimizer.type) {
    case 'adam':
    case 'adamw': {
      const { learning_rate, beta_1, beta_2 } = optimizer;
      // A schedule may reach 0 as well.
      if (typeof learning_rate !== 'number') return [];
      const factor = sqrt(1 - beta_2) / (1 - beta_1);
      const used = fround(learning_rate * factor);
      if (used >= SMALLEST_NORMAL) return [];
      return [
        {
          field: 'learning_rate',
          detail: `must be at least ${(1.001 * SMALLEST_NORMAL) / factor} with these beta_1 and beta_2; the first step's rate, learning_rate * sqrt(1 - beta_2) / (1 - beta_1), would become ${used} as a 32-bit float`,
        },
      ];
    }
    // What they derive, such as 1 - rho, is at least 2^-24 as long as rho and the betas stay below 1.
    case 'rmsprop':
    case 'sgd':
    case 'adagrad':
    case 'nadam':
    case 'adamax':
    case 'adadelta':
    case 'lion':
      return [];
    default:
      return unknown(optimizer);
  }
}

/** The next float32 below a positive one. */
function floatBelow(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0] -= 1;
  return new Float32Array(bits.buffer)[0];
}

/**
 * What is wrong with a number of 0 or more as a float32; undefined if nothing is. parts: by what it is divided before it is
 * used.
 */
export function floatFault(value: number, parts = 1): string | undefined {
  const used = fround(value / parts);
  if (value === 0 || used >= SMALLEST_NORMAL) return undefined;
  const least = SMALLEST_NORMAL * parts;
  return `must be 0 or at least ${least}; 32-bit floats do not hold less in full, and ${value} would become ${used * parts}`;
}

/** Dropout resolves shares in steps of 2^-32 (rule 4). */
const SHARE_STEP = 1 / 4_294_967_296;

/** What is wrong with a dropout share of 0 to less than 1, as engines use it; undefined if nothing is. */
export function dropoutFault(rate: number): string | undefined {
  if (rate === 0 || (rate >= SHARE_STEP && rate <= 1 - SHARE_STEP)) return undefined;
  const used = rate < SHARE_STEP ? 'drop nothing' : 'drop everything';
  return `must be 0, or from ${SHARE_STEP} to ${1 - SHARE_STEP}; ${rate} would ${used}`;
}
