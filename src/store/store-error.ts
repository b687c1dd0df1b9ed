/** Redis did not answer: the command may or may not have run. Repeating an idempotent one is safe. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  readonly code = 'store_unavailable';
}
