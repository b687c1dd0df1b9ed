import { COLOURS } from '../../../src/charts/colours.ts';

/** The colours of series, those of the API's pictures: they can be told apart with every kind of colour vision. */
export const seriesColour = (index: number): string => {
  const { light, dark } = COLOURS[index % COLOURS.length]!;
  return `light-dark(${light}, ${dark})`;
};
