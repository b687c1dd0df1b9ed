const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 10_000;
/** A child that ran this long started without trouble: its next death counts as the first. */
const LONG_LIFE_MS = 30_000;
const DEATHS_TO_GIVE_UP = 5;
const DEATH_WINDOW_MS = 60_000;

/** Decides when a dead child is restarted: after 0.5 s, doubling to 10 s, and not after five deaths in a minute. */
export class RestartPolicy {
  #delayMs = FIRST_DELAY_MS;
  #deathsMs: number[] = [];

  /**
   * Records a death and returns how long to wait before the next start, or undefined to give up.
   * @param atMs monotonic time of the death
   * @param livedMs how long the child had lived
   */
  afterDeath(atMs: number, livedMs: number): number | undefined {
    this.#deathsMs = [...this.#deathsMs, atMs].filter((deathMs) => deathMs > atMs - DEATH_WINDOW_MS);
    if (this.#deathsMs.length >= DEATHS_TO_GIVE_UP) return undefined;
    const delayMs = livedMs >= LONG_LIFE_MS ? FIRST_DELAY_MS : this.#delayMs;
    this.#delayMs = Math.min(2 * delayMs, LONGEST_DELAY_MS);
    return delayMs;
  }
}
