import { describe, expect, inject, it } from 'vitest';
import { EXPERIMENTS } from './experiments.ts';
import type { Entry } from './report.ts';
import { runExperiment } from './run-experiment.ts';

/** The short tier: a few faults of the most revealing kinds, on every change. `npm run test:faults` runs all. */

const noRedis = inject('redisBinary') === null;
const SEED = 1;
/** The long tier proves the bounds in seconds; here a slow machine must pass too. */
const PATIENCE = 10;
/** Of what a trial of the long tier repeats. */
const SHARE = 0.4;

/** Trials that once broke a promise, by experiment. */
const FOUND: readonly { experiment: string; seed: number; trial: number }[] = [
  // A trainer killed while it prepared the dataset left half a file.
  { experiment: 'poison', seed: 2, trial: 1 },
];

async function failuresOf(name: string, seed: number, n: number, trial?: number): Promise<string[]> {
  const failures: string[] = [];
  await runExperiment(EXPERIMENTS.find((experiment) => experiment.name === name)!, {
    runSeed: seed,
    n,
    seconds: Number.POSITIVE_INFINITY,
    trial,
    found: [],
    patience: PATIENCE,
    // To replay a trial takes all of its draws.
    share: trial === undefined ? SHARE : 1,
    onEntry: (entry: Entry, notes) => {
      if (entry.proofs === null)
        failures.push(`trial ${entry.trial}:\n${notes.join('\n')}\n${entry.failure}`);
    },
    isStopped: () => failures.length > 0,
  });
  return failures;
}

it('a full run takes less than 95 minutes', () => {
  const seconds = EXPERIMENTS.reduce((sum, experiment) => sum + experiment.seconds, 0);
  expect(seconds).toBeLessThan(95 * 60);
});

describe.skipIf(noRedis)('under faults (needs redis-server or valkey-server)', () => {
  for (const { name, rows, shortN } of EXPERIMENTS.filter((experiment) => experiment.shortN > 0)) {
    const promises = rows.map(({ id, promise }) => `${id} ${promise}`).join('; ');
    it(`${name}: ${promises}`, async () => expect(await failuresOf(name, SEED, shortN)).toEqual([]), 300_000);
  }

  it.each(FOUND)(
    '$experiment --seed $seed --trial $trial, which once failed',
    async ({ experiment, seed, trial }) => expect(await failuresOf(experiment, seed, 1, trial)).toEqual([]),
    300_000,
  );
});
