import type { ModelLayout } from '../engine/model-layout.ts';

/** What the doctor looks at of a layer: so many of its parameters, evenly spaced, or all. More would cost time in vain. */
const MOST_PLACES = 1024;

/** Some of the numbers from .. to - 1, ascending. */
export function placesOf(from: number, to: number): Uint32Array {
  const count = to - from;
  const length = Math.min(count, MOST_PLACES);
  return Uint32Array.from({ length }, (_, k) => from + Math.floor((k * count) / length));
}

/** For each layer, places of its kernel. */
export const kernelPlaces = ({ layers }: ModelLayout): Uint32Array[] =>
  layers.map(({ weightsOffset, biasesOffset }) => placesOf(weightsOffset, biasesOffset));
