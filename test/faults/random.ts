import { u32 } from '../../src/engine/random.ts';

const DRAWS = 0x46_41_55_4c;

/**
 * Random numbers that depend only on the seed, so a trial can be replayed. Concurrent parts of a trial draw from
 * separate strands; otherwise the draws would depend on their timing.
 */
export class Random {
  readonly #seed: number;
  #drawn = 0;

  constructor(seed: number) {
    this.#seed = seed >>> 0;
  }

  /** The seed of a trial, from the seed of the run, the name of the experiment and the number of the trial. */
  static seedOf(runSeed: number, experiment: string, trial: number): number {
    const place = [...experiment].reduce((sum, letter) => (31 * sum + letter.charCodeAt(0)) >>> 0, 0);
    return u32(runSeed, DRAWS, place, trial);
  }

  /** Separate random numbers for a concurrent part of the trial. Draws one number. */
  strand(): Random {
    return new Random(u32(this.#seed, DRAWS, this.#drawn++, 1));
  }

  /** In [0, 1). */
  fraction(): number {
    return u32(this.#seed, DRAWS, this.#drawn++, 0) / 2 ** 32;
  }

  /** A whole number from `from` to `to`, both included. */
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

  /** `count` different items, in the order in which they were drawn. */
  some<Item>(count: number, items: readonly Item[]): Item[] {
    const left = [...items];
    return Array.from({ length: Math.min(count, left.length) }, () => {
      const [item] = left.splice(this.between(0, left.length - 1), 1);
      return item!;
    });
  }
}
