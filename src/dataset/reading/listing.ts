import { cut } from './places.ts';

const MOST_NAMES = 10;

/** Names for a sentence, the first ten: there may be millions. */
export function listing(names: readonly string[]): string {
  const first = names.slice(0, MOST_NAMES).map((name) => cut(name, 40));
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  return `${first.join(', ')}${more}`;
}
