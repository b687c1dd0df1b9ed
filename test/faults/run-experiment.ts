import { setTimeout as sleep } from 'node:timers/promises';
import { Broken, type Experiment, Stage, Trial } from './experiment.ts';
import { commitOfTree, type Entry, machine, sumOf } from './report.ts';

export interface RunOptions {
  runSeed: number;
  /** Faults of the first row; what earlier runs found counts. */
  n: number;
  /** No trial is begun that would likely end later. */
  seconds: number;
  /** One trial alone, to replay it. */
  trial?: number | undefined;
  /** What an earlier, interrupted run of the same seed found. */
  found: readonly Entry[];
  /** See Trial. */
  patience: number;
  onEntry: (entry: Entry, notes: readonly string[]) => void;
  isStopped: () => boolean;
}

/** A trial that takes longer hangs, and that breaks every promise. The longest waits for a minute, and then for jobs. */
const TRIAL_SECONDS = 400;

/** More of the same would say nothing new. */
const ENOUGH_FAILURES = 5;

/** Runs trials until there are enough; a failed one is written down like the others, and the next starts anew. */
export async function runExperiment(experiment: Experiment, options: RunOptions): Promise<void> {
  const entries = [...options.found];
  const taken = new Set(entries.map(({ trial }) => trial));
  const slots = options.trial === undefined ? (experiment.parallel ?? 1) : 1;
  const usedMs = entries.reduce((sum, { seconds }) => sum + (1_000 * seconds) / slots, 0);
  const startedMs = performance.now() - usedMs;
  let longestMs = 0;
  let underWay = 0;
  let last = 0;
  const next = (): number | undefined => {
    if (options.isStopped()) return undefined;
    if (options.trial !== undefined) return last++ === 0 ? options.trial : undefined;
    const { n, failures } = sumOf(entries, 0);
    if (performance.now() - startedMs + longestMs > 1_000 * options.seconds) return undefined;
    const perTrial = entries.length === 0 ? 1 : n / entries.length;
    if (n + underWay * perTrial >= options.n || failures >= ENOUGH_FAILURES) return undefined;
    do last++;
    while (taken.has(last));
    return last;
  };
  const slot = async () => {
    const stage = new Stage();
    for (let number = next(); number !== undefined; number = next()) {
      underWay++;
      const entry = await runTrial(
        experiment,
        new Trial(experiment.name, options.runSeed, number, stage, options.patience),
        options,
      );
      underWay--;
      entries.push(entry);
      longestMs = Math.max(longestMs, 1_000 * entry.seconds);
      if (entry.proofs === null) await stage.clear(true);
    }
    await stage.clear(false);
  };
  await Promise.all(Array.from({ length: slots }, slot));
}

async function runTrial(experiment: Experiment, trial: Trial, options: RunOptions): Promise<Entry> {
  const startedMs = performance.now();
  const result = await Promise.race([experiment.run(trial), overdue(trial)]).then(
    (proofs) => ({ proofs }),
    (error: unknown) => ({
      proofs: null,
      failure: error instanceof Error && error.name === 'Broken' ? error.message : String(errorText(error)),
    }),
  );
  const entry: Entry = {
    experiment: experiment.name,
    runSeed: options.runSeed,
    trial: trial.number,
    seed: trial.seed,
    at: new Date().toISOString(),
    seconds: Math.round((performance.now() - startedMs) / 10) / 100,
    commit: commitOfTree(),
    machine: machine(),
    ...result,
  };
  options.onEntry(entry, trial.notes);
  return entry;
}

/** @throws {Broken} when the trial should have ended. */
async function overdue(trial: Trial): Promise<never> {
  await sleep(1_000 * TRIAL_SECONDS * trial.patience, undefined, { ref: false });
  throw new Broken(`the trial did not end within ${TRIAL_SECONDS * trial.patience} s`);
}

const errorText = (error: unknown): unknown =>
  error instanceof Error ? (error.stack ?? error.message) : error;
