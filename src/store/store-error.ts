/** Redis did not answer: the command may or may not have run. Repeating an idempotent one is safe. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  readonly code = 'store_unavailable';
  /** Redis did answer, that it would not run the command: so nothing was written. */
  readonly refused: boolean;

  constructor(message: string, { cause, refused = false }: { cause?: unknown; refused?: boolean } = {}) {
    super(message, { cause });
    this.refused = refused;
  }
}
