import { u32 } from '../../src/engine/random.ts';

const DRAWS = 0x46_41_55_4c;

/**
 * Numbers that are the same for the same seed: what is drawn in a trial can be drawn again. What runs at the same time
 * draws from strands of its own, or the draws would depend on who is first.
 */
export class Random {
  readonly #seed: number;
  #drawn = 0;

  constructor(seed: number) {
    this.#seed = seed >>> 0;
  }

  /** The seed of a trial: of the run's seed, the experiment's place and the trial's number. */
  static seedOf(runSeed: number, experiment: string, trial: number): number {
    const place = [...experiment].reduce((sum, letter) => (31 * sum + letter.charCodeAt(0)) >>> 0, 0);
    return u32(runSeed, DRAWS, place, trial);
  }

  /** Its own numbers, for a part of the trial that runs beside others. Draws one. */
  strand(): Random {
    return new Random(u32(this.#seed, DRAWS, this.#drawn++, 1));
  }

  /** In [0, 1). */
  fraction(): number {
    return u32(this.#seed, DRAWS, this.#drawn++, 0) / 2 ** 32;
  }

  /** A whole number, `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.fraction() * (to - from + 1));
  }

  chance(share: number): boolean {
    return this.fraction() < share;
  }

  pick<Item>(items: readonly Item[]): Item {
    if (items.length === 0) throw new Error('there is nothing to pick from');
    return items[this.between(0, items.length - 1)];
  }

  /** `count` different items, in the order they were drawn. */
  some<Item>(count: number, items: readonly Item[]): Item[] {
    const left = [...items];
    return Array.from({ length: Math.min(count, left.length) }, () => {
      const [item] = left.splice(this.between(0, left.length - 1), 1);
      return item!;
    });
  }
}
