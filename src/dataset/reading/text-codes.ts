import { MOST_CLASSES } from './limits.ts';
import { cut } from './places.ts';
import { refuseManyInputs } from './prepared-size.ts';
import type { Place } from './refusal.ts';
import { type ColumnUse, LONGEST_NAME } from './table-roles.ts';

/** How many different texts an input may have: each becomes one input of the model. */
const MOST_TEXTS = 100;

export const mostTexts = (use: ColumnUse): number => (use === 'target' ? MOST_CLASSES : MOST_TEXTS);

/** Counts the texts of all inputs of a table, since each becomes an input of the model. */
export class TextInputs {
  #count = 0;

  /** @throws {DatasetRefusedError} if there are more than a dataset may have */
  add(): void {
    this.#count += 1;
    refuseManyInputs(this.#count);
  }

  giveBack(count: number): void {
    this.#count -= count;
  }
}

/** Numbers the texts of a column in the order of their first appearance. */
export class TextCodes {
  readonly #codes = new Map<string, number>();
  readonly #use: ColumnUse;
  readonly #all: TextInputs;

  constructor(use: ColumnUse, all: TextInputs) {
    this.#use = use;
    this.#all = all;
  }

  get count(): number {
    return this.#codes.size;
  }

  get texts(): readonly string[] {
    return [...this.#codes.keys()];
  }

  /**
   * undefined if this is one text too many, or too long for a value; all are then forgotten.
   * @throws {DatasetRefusedError} if the table has too many
   */
  codeOf(text: string): number | undefined {
    const known = this.#codes.get(text);
    if (known !== undefined) return known;
    const code = this.#codes.size;
    if (code === mostTexts(this.#use) || text.length > LONGEST_NAME) {
      if (this.#use === 'input') this.#all.giveBack(code);
      this.#codes.clear();
      return undefined;
    }
    if (this.#use === 'input') this.#all.add();
    this.#codes.set(text, code);
    return code;
  }
}

/** Why a column of text is refused. at: of a text that shows it, whole. */
export function crowdedColumn(
  column: string,
  use: ColumnUse,
  at: Pick<Place, 'line' | 'row'> & { readonly found: string },
  hint = '',
): Place & { readonly column: string } {
  const why =
    at.found.length > LONGEST_NAME
      ? `a text of more than ${LONGEST_NAME} characters`
      : `more than ${mostTexts(use)} different texts`;
  const cure: Record<ColumnUse, string> = {
    input: `Leave it out with drop=${column}, or save it with fewer different texts.`,
    target: 'Name another target with ?target=.',
    split: 'It may only say train or test.',
  };
  return {
    ...at,
    column,
    found: cut(at.found),
    problem: `${hint}The column has ${why}. ${cure[use]}`,
  };
}
