/**
 * Why Redis refuses a command. `OOM`: its memory is full. `MISCONF`: it cannot save to its disk. `READONLY`: it is a
 * replica. `NOREPLICAS`: it lacks some. `NOPERM`: this user may not.
 */
export type Refusal = 'OOM' | 'MISCONF' | 'READONLY' | 'NOREPLICAS' | 'NOPERM';

/** Redis refused a command, or did not answer, and the command may have run. Repeating an idempotent one is safe. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  readonly code = 'store_unavailable';
  /** Set when Redis answered that it refuses the command, so nothing was written. */
  readonly refusal: Refusal | undefined;

  constructor(message: string, { cause, refusal }: { cause?: unknown; refusal?: Refusal | undefined } = {}) {
    super(message, { cause });
    this.refusal = refusal;
  }
}
