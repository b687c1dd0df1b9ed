/** Redis refused a command, or did not answer, and the command may have run. Repeating an idempotent one is safe. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  readonly code = 'store_unavailable';
  /** True when Redis answered that it refuses the command, so nothing was written. */
  readonly refused: boolean;

  constructor(message: string, { cause, refused = false }: { cause?: unknown; refused?: boolean } = {}) {
    super(message, { cause });
    this.refused = refused;
  }
}
