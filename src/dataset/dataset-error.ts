/** Why a dataset cannot be opened or read. Between processes the class is lost: branch on `code`. */

/** A source file is missing, truncated or changed. Trying again does not help. */
export class DatasetUnavailableError extends Error {
  override readonly name = 'DatasetUnavailableError';
  readonly code = 'dataset_unavailable';
}

/** The prepared file was damaged and has been removed; opening the dataset again rebuilds it. */
export class DatasetDamagedError extends Error {
  override readonly name = 'DatasetDamagedError';
  readonly code = 'dataset_damaged';
}
