import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type LearningRate, nominalRate, ScheduleSchema } from '../../src/contract/learning-rate.ts';
import { rateOfStep } from '../../src/engine/learning-rates.ts';

/** The rates of some steps, of a schedule with its defaults filled in. */
const ratesAt = (schedule: object, steps: readonly number[]): number[] => {
  const rateOf = rateOfStep(ScheduleSchema.parse(schedule));
  return steps.map(rateOf);
};

const expectRates = (found: number[], expected: number[]): void => {
  expect(found).toHaveLength(expected.length);
  for (const [k, rate] of found.entries()) expect(rate, `[${k}]`).toBeCloseTo(expected[k]!, 13);
};

describe('a learning rate that is a number', () => {
  it('is that of every step', () => expect([0, 7, 1e9].map(rateOfStep(0.3))).toEqual([0.3, 0.3, 0.3]));
});

describe('exponential_decay', () => {
  const schedule = {
    type: 'exponential_decay',
    initial_learning_rate: 0.1,
    decay_steps: 10,
    decay_rate: 0.5,
  };

  it('halves every ten steps', () => {
    // 0.1 * 0.5^(step / 10); 0.5^0.5 = 0.70710678118654752
    expectRates(ratesAt(schedule, [0, 5, 10, 20, 100]), [0.1, 0.07071067811865475, 0.05, 0.025, 0.1 / 1024]);
  });

  it('halves at once with staircase', () => {
    expectRates(ratesAt({ ...schedule, staircase: true }, [0, 9, 10, 19, 20]), [0.1, 0.1, 0.05, 0.05, 0.025]);
  });

  it('grows with a rate of more than 1', () => {
    expectRates(ratesAt({ ...schedule, decay_rate: 2 }, [0, 10, 25]), [0.1, 0.2, 0.5656854249492381]);
  });
});

describe('piecewise_constant_decay', () => {
  it('includes each boundary in the rate before it', () => {
    const schedule = { type: 'piecewise_constant_decay', boundaries: [100, 110], values: [1, 0.5, 0.1] };
    expect(ratesAt(schedule, [0, 100, 101, 110, 111, 1e6])).toEqual([1, 1, 0.5, 0.5, 0.1, 0.1]);
  });
});

describe('polynomial_decay', () => {
  const schedule = {
    type: 'polynomial_decay',
    initial_learning_rate: 0.1,
    end_learning_rate: 0.01,
    decay_steps: 10,
  };

  it('falls in a straight line and stays there', () => {
    expectRates(ratesAt(schedule, [0, 5, 9, 10, 11]), [0.1, 0.055, 0.019, 0.01, 0.01]);
  });

  it('ends at 0.0001 by default', () => {
    const { end_learning_rate: _, ...plain } = schedule;
    expectRates(ratesAt(plain, [10]), [0.0001]);
  });

  it('takes a power', () => {
    // 0.09 * sqrt(0.5) + 0.01, 0.09 * 0.25 + 0.01
    expectRates(ratesAt({ ...schedule, power: 0.5 }, [5]), [0.07363961030678928]);
    expectRates(ratesAt({ ...schedule, power: 2 }, [5, 10]), [0.0325, 0.01]);
  });

  it('starts again with cycle, from lower rates', () => {
    // step 10: 1 - 10 / 10; step 11: 1 - 11 / 20; step 20: 1 - 20 / 20; step 25: 1 - 25 / 30
    const rates = ratesAt({ ...schedule, cycle: true }, [0, 5, 10, 11, 20, 25]);
    expectRates(rates, [0.1, 0.055, 0.01, 0.0505, 0.01, 0.025]);
  });
});

describe('inverse_time_decay', () => {
  const schedule = {
    type: 'inverse_time_decay',
    initial_learning_rate: 0.1,
    decay_steps: 10,
    decay_rate: 0.5,
  };

  it('divides by 1 + decay_rate * step / decay_steps', () => {
    expectRates(ratesAt(schedule, [0, 10, 15, 20]), [0.1, 0.1 / 1.5, 0.1 / 1.75, 0.05]);
  });

  it('divides at intervals with staircase', () => {
    expectRates(ratesAt({ ...schedule, staircase: true }, [9, 15, 20]), [0.1, 0.1 / 1.5, 0.05]);
  });
});

describe('cosine_decay', () => {
  const schedule = { type: 'cosine_decay', initial_learning_rate: 0.1, decay_steps: 10 };

  it('follows half a cosine to 0 and stays there', () => {
    // cos(pi / 4) = 0.70710678; 0.05 (1 + 0.70710678)
    expectRates(ratesAt(schedule, [0, 2.5, 5, 10, 11]), [0.1, 0.08535533905932738, 0.05, 0, 0]);
  });

  it('ends at alpha times the highest rate', () => {
    expectRates(ratesAt({ ...schedule, alpha: 0.1 }, [0, 5, 10]), [0.1, 0.055, 0.01]);
  });

  it('rises to warmup_target before', () => {
    const warm = { ...schedule, initial_learning_rate: 0, warmup_target: 0.1, warmup_steps: 4, alpha: 0.1 };
    expectRates(ratesAt(warm, [0, 1, 3, 4, 9, 14, 15]), [0, 0.025, 0.075, 0.1, 0.055, 0.01, 0.01]);
  });

  it('does not read warmup_steps without a target', () => {
    expectRates(ratesAt({ ...schedule, warmup_steps: 4 }, [0, 5]), [0.1, 0.05]);
  });
});

describe('cosine_decay_restarts', () => {
  const schedule = { type: 'cosine_decay_restarts', initial_learning_rate: 0.1, first_decay_steps: 10 };

  it('starts again after 10, 20, 40 ... steps', () => {
    // Steps 10, 30 and 70 are the first of a period; 20 and 50 their middles.
    const rates = ratesAt(schedule, [0, 5, 10, 20, 30, 50, 70]);
    expectRates(rates, [0.1, 0.05, 0.1, 0.05, 0.1, 0.05, 0.1]);
  });

  it('takes longer periods with t_mul and lower ones with m_mul', () => {
    const rates = ratesAt({ ...schedule, t_mul: 1, m_mul: 0.5, alpha: 0.1 }, [0, 10, 15, 20]);
    // 0.1 (0.9 * 0.5 + 0.1); in the middle 0.1 (0.9 * 0.25 + 0.1)
    expectRates(rates, [0.1, 0.055, 0.0325, 0.0325]);
  });

  it('does not depend on the steps that were asked for before', () => {
    const options = { ...schedule, t_mul: 1.3, m_mul: 0.9 };
    fc.assert(
      fc.property(fc.array(fc.nat(3000), { minLength: 1 }), (steps) => {
        const rates = ratesAt(options, steps);
        for (const [k, step] of steps.entries()) expect(rates[k]).toBe(ratesAt(options, [step])[0]);
      }),
      { numRuns: 50 },
    );
  });
});

describe('the number that stands for a learning rate', () => {
  it.each<[LearningRate | object, number]>([
    [0.3, 0.3],
    [{ type: 'piecewise_constant_decay', boundaries: [1], values: [0.2, 0.1] }, 0.2],
    [{ type: 'cosine_decay', initial_learning_rate: 0, decay_steps: 1, warmup_target: 0.4 }, 0.4],
    [{ type: 'cosine_decay', initial_learning_rate: 0.2, decay_steps: 1 }, 0.2],
    [{ type: 'inverse_time_decay', initial_learning_rate: 0.1, decay_steps: 1, decay_rate: 1 }, 0.1],
  ])('of %j is %d', (given, expected) => {
    expect(nominalRate(typeof given === 'number' ? given : ScheduleSchema.parse(given))).toBe(expected);
  });
});
