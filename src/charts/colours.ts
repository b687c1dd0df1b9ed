import { lightAndDark } from './picture.ts';

/**
 * Colours of jobs, which can be told apart with every kind of colour vision. They were searched for: of each hue the
 * shade that keeps all of them furthest apart. With more than seven, some become alike.
 */

export const COLOURS = [
  { light: '#0095ff', dark: '#66b2ff' },
  { light: '#ef5d00', dark: '#cf4a11' },
  { light: '#306056', dark: '#00ff55' },
  { light: '#400040', dark: '#9f6888' },
  { light: '#7d20bf', dark: '#7155ff' },
  { light: '#700003', dark: '#ff8091' },
  { light: '#8c8c8c', dark: '#ffffff' },
] as const;

/** The colour of a job, as the number of its class. It depends on the id alone, so that it is the same in every picture. */
export function colourOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < id.length; i += 1) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % COLOURS.length;
}

const rules = (background: 'light' | 'dark'): string =>
  COLOURS.map(({ [background]: colour }, c) => `.c${c}{stroke:${colour};fill:${colour}}`).join('\n');

export const COLOUR_STYLE = lightAndDark(rules('light'), rules('dark'));
