import { monotonicMs } from '../src/process/clock.ts';
import { StoreUnavailableError } from '../src/store/store-error.ts';

/** A renewal that takes longer counts as failed; it may still happen. */
const RENEWAL_TIMEOUT_MS = 2_000;
/** After this share of the lease without a renewal the worker gives up, well before another worker may take over. */
const LOST_SHARE = 0.6;

export interface LeaseOptions {
  /** Extends BullMQ's lock; false when it is no longer ours. It rejects when Redis does not do it. */
  extend: () => Promise<boolean>;
  leaseMs: number;
  /** Called once when this worker must stop working on the job. */
  onLost: () => void;
}

/**
 * The right to work on a job: BullMQ's lock, extended every third of its length on a monotonic clock. A timer, not a
 * reply, enforces the deadline, so that a hanging connection counts as a broken one. A Redis that answers that it takes
 * no writes from anybody moves the deadline too: no other worker can take the job over then.
 */
export class Lease {
  readonly #extend: () => Promise<boolean>;
  readonly #leaseMs: number;
  readonly #onLost: () => void;
  #renewedMs = monotonicMs();
  #renewal: NodeJS.Timeout | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #over = false;
  /** Resolves with true once the lock was first extended, or false if the lease was lost or released before that. */
  readonly proven: Promise<boolean>;
  #prove: (ours: boolean) => void = () => {};

  constructor({ extend, leaseMs, onLost }: LeaseOptions) {
    this.#extend = extend;
    this.#leaseMs = leaseMs;
    this.#onLost = onLost;
    this.proven = new Promise((resolve) => {
      this.#prove = resolve;
    });
    this.#watch();
    this.#renewal = setTimeout(() => void this.#renew(), 0);
  }

  /** Ends the renewals; the lock lapses by itself or with the delivery. */
  release(): void {
    this.#over = true;
    this.#prove(false);
    clearTimeout(this.#renewal);
    clearTimeout(this.#deadline);
  }

  async #renew(): Promise<void> {
    const askedMs = monotonicMs();
    const ours = await Promise.race([this.#extend().catch(whileNobodyWrites), timeout()]);
    if (this.#over) return;
    if (ours === false) {
      this.#lose();
      return;
    }
    // Counted from the request, since Redis may have extended the lock that early.
    if (ours !== undefined) {
      this.#renewedMs = askedMs;
      this.#watch();
    }
    if (ours === true) this.#prove(true);
    const waitMs = ours === true ? this.#leaseMs / 3 : this.#leaseMs / 15;
    this.#renewal = setTimeout(() => void this.#renew(), waitMs);
  }

  #watch(): void {
    clearTimeout(this.#deadline);
    const leftMs = this.#renewedMs + LOST_SHARE * this.#leaseMs - monotonicMs();
    this.#deadline = setTimeout(() => this.#lose(), leftMs);
  }

  #lose(): void {
    if (this.#over) return;
    this.release();
    this.#onLost();
  }
}

/** Not READONLY: a replica's primary may hand the job over. Not NOPERM: other users may write. */
function whileNobodyWrites(error: unknown): 'nobody writes' | undefined {
  if (!(error instanceof StoreUnavailableError)) return undefined;
  return error.refusal === 'OOM' || error.refusal === 'MISCONF' ? 'nobody writes' : undefined;
}

function timeout(): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), RENEWAL_TIMEOUT_MS).unref());
}
