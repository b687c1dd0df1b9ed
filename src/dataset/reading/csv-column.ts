import type { MemoryBudget } from './memory-budget.ts';
import { NumberStore } from './number-store.ts';
import { COMMA, isMissing, numberIn, POINT } from './number-text.ts';
import type { ReadColumn } from './read-table.ts';
import type { ColumnUse } from './table-roles.ts';
import { TextCodes, type TextInputs } from './text-codes.ts';

/** What stands where. */
export interface Cell {
  readonly line: number;
  readonly found: string;
}

/**
 * - empty: no value yet
 * - number, text: what all values are
 * - mixed: numbers, then a text; has to be read again as text
 * - crowded: more texts than a column may have
 */
type ColumnState = 'empty' | 'number' | 'text' | 'mixed' | 'crowded';

/** A column while it is read: numbers until a value is none. */
export class CsvColumn {
  readonly name: string;
  /** In the file. */
  readonly index: number;
  readonly use: ColumnUse;
  readonly values: NumberStore;
  readonly #codes: TextCodes;
  readonly #decimal: 'point' | 'comma' | 'either';
  #state: ColumnState;
  #firstText: Cell | undefined;
  #crowdedAt: Cell | undefined;
  #firstComma: Cell | undefined;
  #firstPoint: Cell | undefined;

  constructor(
    { name, index, use }: { name: string; index: number; use: ColumnUse },
    decimal: 'point' | 'comma' | 'either',
    state: 'empty' | 'text',
    budget: MemoryBudget,
    texts: TextInputs,
  ) {
    this.name = name;
    this.index = index;
    this.use = use;
    this.values = new NumberStore(budget);
    this.#codes = new TextCodes(use, texts);
    this.#decimal = decimal;
    this.#state = state;
  }

  get state(): ColumnState {
    return this.#state;
  }

  /** Of a model, as far as is known. */
  get inputs(): number {
    return this.#state === 'text' ? this.#codes.count : 1;
  }

  /** The first value that is no number. */
  get firstText(): Cell | undefined {
    return this.#firstText;
  }

  get crowdedAt(): Cell | undefined {
    return this.#crowdedAt;
  }

  /** Of a column of numbers: the first with a decimal comma, if either decimal may be. */
  get firstComma(): Cell | undefined {
    return this.#state === 'number' ? this.#firstComma : undefined;
  }

  get firstPoint(): Cell | undefined {
    return this.#state === 'number' ? this.#firstPoint : undefined;
  }

  /** What is stored for a field: NaN if there is no value, or the column cannot be used as it is read. */
  valueOf(text: string, line: number): number {
    if (this.#state === 'mixed' || this.#state === 'crowded') return Number.NaN;
    if (this.#state === 'text') return isMissing(text) ? Number.NaN : this.#codeOf(text, line);
    const value = this.#numberIn(text, line);
    if (!Number.isNaN(value)) {
      this.#state = 'number';
      return value;
    }
    if (isMissing(text)) return Number.NaN;
    this.#firstText = { line, found: text };
    if (this.#state === 'number') {
      this.#state = 'mixed';
      return Number.NaN;
    }
    this.#state = 'text';
    return this.#codeOf(text, line);
  }

  toTableColumn(): ReadColumn {
    return {
      name: this.name,
      type: this.#state === 'number' ? 'number' : 'text',
      values: this.values,
      texts: this.#codes.texts,
    };
  }

  #codeOf(text: string, line: number): number {
    const code = this.#codes.codeOf(text);
    if (code !== undefined) return code;
    this.#state = 'crowded';
    this.#crowdedAt = { line, found: text };
    return Number.NaN;
  }

  #numberIn(text: string, line: number): number {
    if (this.#decimal === 'point') return numberIn(text, POINT);
    if (this.#decimal === 'comma') return numberIn(text, COMMA);
    const pointed = numberIn(text, POINT);
    if (!Number.isNaN(pointed)) {
      if (this.#firstPoint === undefined && text.includes('.')) this.#firstPoint = { line, found: text };
      return pointed;
    }
    const value = numberIn(text, COMMA);
    if (!Number.isNaN(value)) this.#firstComma ??= { line, found: text };
    return value;
  }
}
