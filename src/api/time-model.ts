import type { WORK } from '../training/job-work.ts';

/**
 * Learns from finished jobs what each kind of work costs on this installation, as seconds a unit. The time of a job is
 * the sum over its work. Costs stay near a first guess until jobs tell them apart, so that one finished job is enough
 * for a rough estimate.
 */

export interface Timing {
  seconds: number;
  work: readonly number[];
}

/**
 * Seconds a unit of work, fitted to 70 jobs of the engine native on one machine, drawn as bench/estimates.ts draws them.
 * Only the ratios matter: the speed of an installation comes from its own jobs.
 */
const FIRST_GUESS: Record<(typeof WORK)[number], number> = {
  jobs: 1.2e-2,
  steps: 1e-6,
  rows: 1.05e-6,
  firstLayer: 1.6e-11,
  otherLayers: 8e-11,
  updates: 1.6e-10,
  units: 3.8e-9,
  curvedUnits: 1.8e-9,
  evaluatedRows: 1.5e-6,
  evaluatedProducts: 3e-11,
};
const GUESS = Object.values(FIRST_GUESS);

/** A job counts half as much as one that finished so many jobs later: the load of a machine changes. */
const HALF_LIFE = 10;

/** What the guess weighs, in jobs. */
const GUESS_WEIGHT = 0.1;

/** A job whose time differs by more than this share has little influence: something else delayed it. */
const USUAL_ERROR = 0.1;

const ROUNDS = 10;
const SWEEPS = 100;

export class TimeModel {
  /** Jobs that it learned from. */
  readonly jobs: number;
  readonly #costs: readonly number[];

  private constructor(jobs: number, costs: readonly number[]) {
    this.jobs = jobs;
    this.#costs = costs;
  }

  /** @param timings oldest first. @returns undefined when there is none to learn from. */
  static learn(timings: readonly Timing[]): TimeModel | undefined {
    const known = timings.filter(({ work }) => work.length === GUESS.length);
    if (known.length === 0) return undefined;
    const ages = known.map((_, i) => 2 ** (-(known.length - 1 - i) / HALF_LIFE));
    const speed = weightedMedian(
      known.map(({ seconds, work }) => seconds / dot(work, GUESS)),
      ages,
    );
    const guess = GUESS.map((cost) => cost * speed);
    // Each kind's share of the job's time if the guess were right: relative errors count, so short jobs do too.
    const shares = known.map(({ seconds, work }) => work.map((amount, k) => (amount * guess[k]) / seconds));
    let factors = guess.map(() => 1);
    for (let round = 0; round < ROUNDS; round += 1) {
      const weights = shares.map((share, i) => ages[i] * trust(dot(share, factors)));
      factors = fitFactors(shares, weights);
    }
    return new TimeModel(
      known.length,
      guess.map((cost, k) => cost * factors[k]),
    );
  }

  seconds(work: readonly number[]): number {
    return dot(work, this.#costs);
  }
}

/**
 * The weight of a job by the ratio of its expected and its actual time, so that the sum of squares below becomes one of
 * distances between their logarithms: half the time counts as much as twice the time.
 */
const trust = (ratio: number): number => Math.min(1, USUAL_ERROR / (Math.abs(ratio - 1) * ratio));

/**
 * The factors >= 0 that minimise sum(weight * (share . factors - 1)^2) + GUESS_WEIGHT * sum((factor - 1)^2), by
 * coordinate descent.
 */
function fitFactors(shares: readonly (readonly number[])[], weights: readonly number[]): number[] {
  const kinds = GUESS.map((_, k) => k);
  const products = kinds.map((j) =>
    kinds.map(
      (k) =>
        shares.reduce((sum, share, i) => sum + weights[i] * share[j] * share[k], 0) +
        (j === k ? GUESS_WEIGHT : 0),
    ),
  );
  const targets = kinds.map((j) =>
    shares.reduce((sum, share, i) => sum + weights[i] * share[j], GUESS_WEIGHT),
  );
  const factors = kinds.map(() => 1);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    for (const k of kinds) {
      const others = dot(products[k], factors) - products[k][k] * factors[k];
      factors[k] = Math.max(0, (targets[k] - others) / products[k][k]);
    }
  }
  return factors;
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, k) => sum + value * b[k], 0);

/** The value with half of the weight on either side. */
function weightedMedian(values: readonly number[], weights: readonly number[]): number {
  const order = values.map((value, i) => ({ value, weight: weights[i] })).sort((a, b) => a.value - b.value);
  const half = weights.reduce((sum, weight) => sum + weight, 0) / 2;
  let below = 0;
  for (const { value, weight } of order) {
    below += weight;
    if (below >= half) return value;
  }
  return order.at(-1)!.value;
}
