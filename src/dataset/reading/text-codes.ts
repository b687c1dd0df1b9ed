import { MOST_CLASSES } from './limits.ts';
import { cut } from './places.ts';
import type { Place } from './refusal.ts';
import { type ColumnUse, LONGEST_NAME } from './table-roles.ts';

/** How many different texts an input may have: each becomes one input of the model. */
const MOST_TEXTS = 100;

export const mostTexts = (use: ColumnUse): number => (use === 'target' ? MOST_CLASSES : MOST_TEXTS);

/** Numbers the texts of a column in the order of their first appearance. */
export class TextCodes {
  readonly #codes = new Map<string, number>();
  readonly #most: number;

  constructor(use: ColumnUse) {
    this.#most = mostTexts(use);
  }

  get texts(): readonly string[] {
    return [...this.#codes.keys()];
  }

  /** undefined if this is one text too many, or too long for a value. */
  codeOf(text: string): number | undefined {
    const known = this.#codes.get(text);
    if (known !== undefined) return known;
    if (this.#codes.size === this.#most || text.length > LONGEST_NAME) return undefined;
    this.#codes.set(text, this.#codes.size);
    return this.#codes.size - 1;
  }
}

/** Why a column of text is refused. at: of a text that shows it. */
export function crowdedColumn(
  column: string,
  use: ColumnUse,
  at: Pick<Place, 'line' | 'row' | 'found'>,
  hint = '',
): Place & { readonly column: string } {
  const most = mostTexts(use);
  const cure: Record<ColumnUse, string> = {
    input: `Leave it out with drop=${column}, or save it with fewer different texts.`,
    target: 'Name another target with ?target=.',
    split: 'It may only say train or test.',
  };
  return {
    ...at,
    column,
    ...(at.found === undefined ? {} : { found: cut(at.found) }),
    problem: `${hint}The column has more than ${most} different texts, or one of more than ${LONGEST_NAME} characters. ${cure[use]}`,
  };
}
