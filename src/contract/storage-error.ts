/** The file system does not take a file: the folder is full, read-only or not a folder. */
export class StorageUnavailableError extends Error {
  override readonly name = 'StorageUnavailableError';
  readonly code = 'storage_unavailable';
}
