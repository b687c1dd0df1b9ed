import { describe, expect, it } from 'vitest';
import { OptimizerSchema, OptimizerTypeSchema } from '../../src/contract/optimizer.ts';
import { dropoutScale, dropoutThreshold } from '../../src/engine/dropout.ts';
import { dropoutFault, optimizerFaults } from '../../src/engine/number-limits.ts';
import { OPTIMIZERS } from './small-problem.ts';

const faultsOf = (optimizer: object) => optimizerFaults(OptimizerSchema.parse(optimizer));

/** Each number of each optimizer, with the optimizer's type. */
const NUMBERS = OptimizerTypeSchema.options.flatMap((type) =>
  Object.entries(OptimizerSchema.parse({ type })).flatMap(([field, value]) =>
    typeof value === 'number' ? [[type, field] as const] : [],
  ),
);

/** Fields that the contract requires to be below 1. */
const FRACTIONS = NUMBERS.filter(([type, field]) => !OptimizerSchema.safeParse({ type, [field]: 1 }).success);

describe('numbers that float32 cannot hold', () => {
  it('are checked in every number of every optimizer', () => {
    expect(NUMBERS).toHaveLength(32);
    const betas = ['beta_1', 'beta_2'];
    expect(FRACTIONS.map(([, field]) => field)).toEqual([
      ...['rho', 'momentum', 'momentum'],
      ...[...betas, ...betas, ...betas, ...betas],
      ...['rho', ...betas],
    ]);
  });

  it.each(NUMBERS)(
    '%s: a %s that would become 0 or lose digits is refused, and the message gives the rounded value',
    (type, field) => {
      for (const value of [5e-324, 1e-46, 1e-45, 1.17e-38]) {
        expect(faultsOf({ type, [field]: value })).toEqual([
          {
            field,
            detail: expect.stringMatching(/^must be (0 or )?at least 1\.17549\d*e-38, .* would become /),
          },
        ]);
        expect(faultsOf({ type, [field]: value })[0].detail).toContain(`become ${Math.fround(value)}`);
      }
    },
  );

  it.each(FRACTIONS)(
    '%s: a %s that would become 1 is refused, and the message gives the largest value that would not',
    (type, field) => {
      for (const value of [1 - 2 ** -25, 0.99999999, 1 - 2 ** -53]) {
        expect(faultsOf({ type, [field]: value })).toEqual([
          {
            field,
            detail: `must be at most 0.9999999403953552 to stay below 1 as a 32-bit float; ${value} would become 1`,
          },
        ]);
      }
      expect(faultsOf({ type, [field]: 0.9999999403953552 })).toEqual([]);
    },
  );

  it('are all reported together', () => {
    const both = faultsOf({ type: 'rmsprop', epsilon: 1e-46, momentum: 0.99999999 });
    expect(both.map(({ field }) => field)).toEqual(['momentum', 'epsilon']);
  });

  it('do not include defaults, ends of ranges, or numbers whose rounding does no harm', () => {
    for (const optimizer of Object.values(OPTIMIZERS)) expect(optimizerFaults(optimizer)).toEqual([]);
    for (const [type, field] of NUMBERS) {
      if ((type === 'adam' || type === 'adamw') && field === 'learning_rate') continue;
      for (const value of [0.1, 0.3, 1.2e-38]) expect(faultsOf({ type, [field]: value })).toEqual([]);
    }
    expect(faultsOf({ type: 'sgd', learning_rate: 10, momentum: 0 })).toEqual([]);
    expect(faultsOf({ type: 'sgd', learning_rate: 0.99999999, momentum: -0 })).toEqual([]);
    expect(faultsOf({ type: 'adagrad', initial_accumulator_value: 0, epsilon: 1 })).toEqual([]);
  });

  it("include adam's first rate, derived from three numbers; the suggested value is accepted", () => {
    const adam = { type: 'adam', learning_rate: 1e-36, beta_1: 0, beta_2: 0.9999999 };
    const [fault] = faultsOf(adam);
    expect(fault!.field).toBe('learning_rate');
    const least = Number(/at least (\S+) /.exec(fault!.detail)![1]);
    expect(faultsOf({ ...adam, learning_rate: least })).toEqual([]);
    expect(faultsOf({ ...adam, learning_rate: least / 1.01 })).toHaveLength(1);
  });
});

describe('a dropout share', () => {
  it.each([5e-324, 1e-10, 2 ** -33, 0.9999999999, 1 - 2 ** -53])('of %f is refused', (rate) => {
    expect(dropoutFault(rate)).toMatch(/^must be 0, or from .*; .* would drop (nothing|everything)$/);
  });

  it.each([2 ** -32, 1e-9, 0.5, 0.99999999, 1 - 2 ** -32])(
    'of %f is accepted, and drops some outputs and keeps others',
    (rate) => {
      expect(dropoutFault(rate)).toBeUndefined();
      expect(dropoutThreshold(rate)).toBeGreaterThanOrEqual(1);
      expect(dropoutThreshold(rate)).toBeLessThan(2 ** 32);
      expect(Number.isFinite(dropoutScale(rate))).toBe(true);
    },
  );

  it('of 0 is accepted', () => expect(dropoutFault(0)).toBeUndefined());
});
