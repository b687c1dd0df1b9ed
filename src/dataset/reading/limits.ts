/** What a dataset may have. A reader counts while it reads, and refuses before it takes the memory. */
export interface ReadLimits {
  /** Bytes of all that an archive or a compressed file holds, unpacked. */
  readonly unpackedBytes: number;
  /** Bytes of the prepared rows: inputs and targets. */
  readonly preparedBytes: number;
}

/** The order of an epoch is exact up to here (random.ts). */
export const MOST_ROWS = 2 ** 21;
export const MOST_INPUTS = 20_000;
export const MOST_CLASSES = 1_000;
/** Entries of an archive. */
export const MOST_ENTRIES = MOST_ROWS + 10_000;
