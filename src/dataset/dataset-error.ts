/** Why a dataset cannot be had. Across processes the class is lost and `code` stays: branch on that. */

/** A source file is missing, cut or changed. Trying again does not help. */
export class DatasetUnavailableError extends Error {
  override readonly name = 'DatasetUnavailableError';
  readonly code = 'dataset_unavailable';
}

/** The prepared file changed under its reader, and was removed: whoever opens the dataset next makes it anew. */
export class DatasetDamagedError extends Error {
  override readonly name = 'DatasetDamagedError';
  readonly code = 'dataset_damaged';
}
