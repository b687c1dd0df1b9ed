import { expect } from 'vitest';
import { nominalRate } from '../../src/contract/learning-rate.ts';
import type { Engine, EpochEnd } from '../../src/engine/engine.ts';
import { epochOrder } from '../../src/engine/random.ts';
import type { EngineProblem } from './small-problem.ts';

/** One rate a step: the optimizer's own. */
export const steadyRates = ({ optimizer }: Pick<EngineProblem, 'optimizer'>, steps: number): Float64Array =>
  new Float64Array(steps).fill(nominalRate(optimizer.learning_rate));

/** Every step of a job has another one: a wave, so that none is 0 or negative. steps: of an epoch. */
export const changingRates = (epoch: number, steps: number): Float64Array =>
  Float64Array.from({ length: steps }, (_, s) => 0.002 / (1 + ((epoch * steps + s) % 7)));

/** The bits of numbers: -0 equals only -0, and a NaN only the same NaN. */
export const bits = (values: Float32Array | Uint16Array) =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength);

/** Trains an engine for one epoch, in the order of that epoch. */
export function trainEpoch(engine: Engine, options: EngineProblem, epoch: number): EpochEnd {
  const steps = Math.ceil(options.epochRows / options.batchSize);
  const order = epochOrder(options.seed, epoch, options.epochRows);
  expect(engine.train(order, 0, steadyRates(options, steps))).toBe(steps);
  return engine.endEpoch();
}

/** The part of an engine that a comparison of runs needs. */
export type Trainee = Pick<Engine, 'state' | 'train' | 'endEpoch'>;

/** Compares weights, slots and running products of two engines, bit for bit. */
export function expectSameState(engine: Trainee, reference: Trainee): void {
  const [found, expected] = [engine.state(), reference.state()];
  expect(bits(found.weights).equals(bits(expected.weights)), 'weights').toBe(true);
  expect(found.slots.map(({ name }) => name)).toEqual(expected.slots.map(({ name }) => name));
  for (const [s, { name, values }] of expected.slots.entries()) {
    expect(bits(found.slots[s].values).equals(bits(values)), name).toBe(true);
  }
  expect(found.powers).toEqual(expected.powers);
  expect(found.steps).toBe(expected.steps);
}

/**
 * Trains two engines side by side, and compares totals and state after each epoch, bit for bit. If they diverge, it
 * must be at the same step; their state after that is undefined.
 */
export function expectSameRun(
  engine: Trainee,
  reference: Trainee,
  options: EngineProblem,
  epochs: number,
  ratesOf = (_epoch: number) => steadyRates(options, Math.ceil(options.epochRows / options.batchSize)),
): void {
  expectSameState(engine, reference);
  const steps = Math.ceil(options.epochRows / options.batchSize);
  for (let epoch = 1; epoch <= epochs; epoch += 1) {
    const order = epochOrder(options.seed, epoch, options.epochRows);
    const rates = ratesOf(epoch);
    const trained = reference.train(order, 0, rates);
    expect(engine.train(order, 0, rates)).toBe(trained);
    if (trained < steps) return;
    const expected = reference.endEpoch();
    expect(engine.endEpoch()).toEqual(expected);
    if (!expected.finite) return;
    expectSameState(engine, reference);
  }
}
