import type { NumberStore } from './number-store.ts';
import type { Place } from './refusal.ts';

/** A table as its reader hands it over, whichever format it had. Dims: R = rows. */
export interface ReadTable {
  readonly rows: number;
  /** Without those left out. */
  readonly inputs: readonly ReadColumn[];
  /** No value is missing. */
  readonly target: ReadColumn;
  /** Texts; no value is missing. */
  readonly split: ReadColumn | null;
  /** Where a row stands, for people. */
  readonly placeOf: (row: number) => Pick<Place, 'line' | 'row'>;
  /** The format's own options, as used. */
  readonly options: Readonly<Record<string, string | boolean>>;
  readonly notes: readonly string[];
}

export interface ReadColumn {
  readonly name: string;
  /** What the values are: finite numbers, or indices into texts. NaN: missing. */
  readonly type: 'number' | 'text';
  /** (R) */
  readonly values: NumberStore;
  /** Each is the value of a row at least; in no order. */
  readonly texts: readonly string[];
}
