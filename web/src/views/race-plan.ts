import { type JobSpec, makeKey } from '../../../src/client/descent.ts';
import { OPTIMIZER_TYPES } from '../api/names.ts';

/** The jobs of a race: each optimizer from the same initial weights and batches, which the seed decides. */

export const SEEDS = [1, 2, 3, 4, 5] as const;
export const RACE_DATASETS = ['mnist_sample', 'mnist'] as const;
/** The optimizers that race: more curves could not be told apart. */
export const RACERS = OPTIMIZER_TYPES.slice(0, 4);
export const RACE_SIZE = RACERS.length * SEEDS.length;

export interface RacePlan {
  race: string;
  dataset: (typeof RACE_DATASETS)[number];
  epochs: number;
}

export interface PlannedJob {
  /** The same for the same place in the same race: posted twice, it is made once. */
  key: string;
  spec: JobSpec;
}

/** Seed by seed, so that each optimizer has its first curve soon. */
export function jobsOf({ race, dataset, epochs }: RacePlan): PlannedJob[] {
  return SEEDS.flatMap((seed) =>
    RACERS.map((type) => ({
      key: `race-${race}-${type}-${seed}`,
      spec: {
        name: `race ${type} ${seed}`,
        dataset,
        optimizer: { type },
        training: { epochs, seed },
        metadata: { race },
        // A race is there to be watched.
        cache: false,
      },
    })),
  );
}

/** Short enough for an address that is read aloud. */
export const newRaceId = (): string => makeKey().slice(0, 12);

/** What the address says of a race that is still being posted: a page that is loaded anew goes on with it. */
export function planIn(query: URLSearchParams): RacePlan | undefined {
  const race = query.get('race');
  const dataset = RACE_DATASETS.find((name) => name === query.get('dataset'));
  const epochs = Number(query.get('epochs'));
  if (race === null || dataset === undefined || !Number.isInteger(epochs) || epochs < 1) return undefined;
  return { race, dataset, epochs };
}
