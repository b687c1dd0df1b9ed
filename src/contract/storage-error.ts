/** A file cannot be written: the disk is full, or the folder is read-only or not a folder. */
export class StorageUnavailableError extends Error {
  override readonly name = 'StorageUnavailableError';
  readonly code = 'storage_unavailable';
}
