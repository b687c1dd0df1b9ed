import type { EarlyStopping, Monitor, ReduceLrOnPlateau } from '../contract/monitors.ts';

/**
 * Keras's callbacks that watch a measure (keras/src/callbacks/{early_stopping,reduce_lr_on_plateau}.py, 3.15). Their
 * state follows from the rows of the history alone, so that a resumed job only shows them those rows again.
 */

/** What they read of a row of the history. */
export type Watched = { readonly epoch: number } & { readonly [Name in Monitor]: number | null };

/** Whether `value` is better than `reference` by more than minDelta; anything is better than nothing. */
function improves(
  { monitor, mode, min_delta }: EarlyStopping | ReduceLrOnPlateau,
  value: number,
  reference: number | undefined,
): boolean {
  if (reference === undefined) return true;
  const isMax = mode === 'auto' ? monitor.endsWith('accuracy') : mode === 'max';
  return isMax ? value - min_delta > reference : value + min_delta < reference;
}

/** Decides after which epoch the training stops. */
export class StoppingWatch {
  readonly #options: EarlyStopping | null;
  #best: number | undefined;
  #wait = 0;
  /** The epoch with the best value so far; null before the first that is watched. */
  bestEpoch: number | null = null;
  /** The epoch after which the training stops. */
  stoppedEpoch: number | null = null;

  /** options: null = never. history: the rows so far. */
  constructor(options: EarlyStopping | null, history: readonly Watched[]) {
    this.#options = options;
    for (const row of history) this.see(row);
  }

  /** Call it with each row, in order. */
  see(row: Watched): void {
    const options = this.#options;
    const value = options === null ? null : row[options.monitor];
    if (options === null || value === null || row.epoch <= options.start_from_epoch) return;
    this.#wait += 1;
    if (improves(options, value, this.#best)) {
      this.#best = value;
      this.bestEpoch = row.epoch;
      if (options.baseline === null || improves(options, value, options.baseline)) this.#wait = 0;
      return;
    }
    // Keras never stops after the first epoch.
    if (this.#wait >= options.patience && row.epoch > 1) this.stoppedEpoch = row.epoch;
  }
}

/** Reduces the learning rate of the epochs that follow. */
export class PlateauWatch {
  readonly #options: ReduceLrOnPlateau;
  #best: number | undefined;
  #wait = 0;
  #cooldown = 0;
  /** That of the next epoch. */
  rate: number;

  /** rate: that of the first epoch. history: the rows so far. */
  constructor(options: ReduceLrOnPlateau, rate: number, history: readonly Watched[]) {
    this.#options = options;
    this.rate = rate;
    for (const row of history) this.see(row);
  }

  /** Call it with each row, in order. */
  see(row: Watched): void {
    const { monitor, patience, factor, min_lr, cooldown } = this.#options;
    const value = row[monitor];
    if (value === null) return;
    if (this.#cooldown > 0) {
      this.#cooldown -= 1;
      this.#wait = 0;
    }
    if (improves(this.#options, value, this.#best)) {
      this.#best = value;
      this.#wait = 0;
      return;
    }
    if (this.#cooldown > 0) return;
    this.#wait += 1;
    if (this.#wait < patience || this.rate <= min_lr) return;
    this.rate = Math.max(this.rate * factor, min_lr);
    this.#cooldown = cooldown;
    this.#wait = 0;
  }
}
