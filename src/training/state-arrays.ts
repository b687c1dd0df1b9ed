import type { EngineState } from '../engine/engine.ts';
import { powerCount, slotNames } from '../engine/optimizer-state.ts';
import { type Container, ContainerError, type NamedArray } from './container.ts';
import { type JobInput, jobLayout } from './job-engine.ts';

/** An engine's state as the arrays of a file. `steps` is a number of the file's description. */

export const stateArrays = ({ weights, slots, powers }: EngineState): NamedArray[] => [
  { name: 'weights', values: weights },
  ...slots,
  { name: 'powers', values: Float64Array.from(powers) },
];

/**
 * The inverse. job: its model and optimizer decide which arrays there must be.
 * @throws {ContainerError}
 */
export function stateOf(arrays: Container['arrays'], steps: number, { spec, data }: JobInput): EngineState {
  const parameters = jobLayout({ spec, data }).parameters;
  const slots = slotNames(spec.optimizer);
  const expected = [
    `weights Float32Array ${parameters}`,
    ...slots.map((name) => `${name} Float32Array ${parameters}`),
    `powers Float64Array ${powerCount(spec.optimizer)}`,
  ].join(', ');
  const found = arrays
    .map(({ name, values }) => `${name} ${values.constructor.name} ${values.length}`)
    .join(', ');
  if (found !== expected) throw new ContainerError(`it holds ${found} instead of ${expected}`);
  const float32 = (index: number) => arrays[index].values as Float32Array;
  return {
    weights: float32(0),
    slots: slots.map((name, s) => ({ name, values: float32(s + 1) })),
    powers: Array.from(arrays.at(-1)!.values),
    steps,
  };
}
