import { expect } from 'vitest';
import { nominalRate } from '../../../src/contract/learning-rate.ts';
import { type Optimizer, OptimizerSchema } from '../../../src/contract/optimizer.ts';
import { decayWeights } from '../../../src/engine/reference/clipping.ts';
import type { UpdateRule } from '../../../src/engine/reference/update-rule.ts';
import { createUpdateRule } from '../../../src/engine/reference/update-rules.ts';

/** One weight under an update rule, for tests of the rules. */

/** The optimizer with the contract's defaults filled in. */
export const optimizer = (settings: { type: Optimizer['type'] } & Record<string, unknown>): Optimizer =>
  OptimizerSchema.parse(settings);

/** The rule without l1 and l2, which come before it. */
export const createRule = (settings: Optimizer, parameters: number, stepsPerEpoch: number): UpdateRule =>
  createUpdateRule({ optimizer: settings, l1: 0, l2: 0 }, parameters, stepsPerEpoch);

/** The values of one weight after each step. start: its initial value; gradients[t]: its gradient in step t. */
export function trajectory(settings: Optimizer, start: number, gradients: readonly number[]): number[] {
  const rule = createRule(settings, 1, gradients.length);
  const weights = Float32Array.of(start);
  return gradients.map((gradient) => {
    const rate = nominalRate(settings.learning_rate);
    rule.beginStep(rate);
    if (settings.weight_decay !== null) decayWeights(weights, settings.weight_decay, rate);
    rule.update(weights, Float32Array.of(gradient), 0, 1, 1);
    return weights[0];
  });
}

export function expectClose(actual: readonly number[], expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  actual.forEach((value, index) => {
    expect(Math.abs(value - expected[index]), `[${index}]: ${value}`).toBeLessThanOrEqual(1e-6);
  });
}

/** One step from w = 1 2 3 4 with g = 1 6 7 2. */
export function oneStep(settings: Optimizer): number[] {
  return [1, 2, 3, 4].map((w, index) => trajectory(settings, w, [[1, 6, 7, 2][index]])[0]);
}

export const SMALL_THEN_LARGE = [0.01, 0.1, 0.1, 0.1, 0.1];
export const ONES = [1, 1, 1];
