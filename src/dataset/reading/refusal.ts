/** A place in a file that cannot be used. */
export interface Place {
  /** Within an archive. */
  readonly file?: string;
  /** From 1; the line in the file, a header included. */
  readonly line?: number;
  /** The row of an array or a Parquet file, from 0. */
  readonly row?: number;
  readonly column?: string;
  /** What stands there, cut to 80 characters. */
  readonly found?: string;
  /** What is wrong with it, and what to do: a sentence. */
  readonly problem: string;
}

/** How many places are told. */
export const MOST_PLACES = 10;

/** The file cannot become a dataset. The message tells what was wrong, what is allowed, what to do. */
export class DatasetRefusedError extends Error {
  override readonly name = 'DatasetRefusedError';
  readonly code = 'dataset_refused';
  /** The first MOST_PLACES. */
  readonly places: readonly Place[];

  constructor(message: string, places: readonly Place[] = []) {
    super(message);
    this.places = places.slice(0, MOST_PLACES);
  }
}
