import { setTimeout as sleep } from 'node:timers/promises';
import { Broken, type Experiment, Stage, Trial } from './experiment.ts';
import { commitOfTree, type Entry, machine, sumOf } from './report.ts';

export interface RunOptions {
  runSeed: number;
  /** Faults of the first row, including those of earlier runs. */
  n: number;
  /** No trial starts that would likely end later. */
  seconds: number;
  /** Only this trial, to replay it. */
  trial?: number | undefined;
  /** The entries of an earlier, interrupted run with the same seed. */
  found: readonly Entry[];
  /** See Trial. */
  patience: number;
  /** See Trial.times: 1 in a full run. */
  share: number;
  onEntry: (entry: Entry, notes: readonly string[]) => void;
  isStopped: () => boolean;
}

/** A longer trial counts as a hang, which breaks every promise. The longest waits for a minute and then for jobs. */
const TRIAL_SECONDS = 400;

/** More failures would add nothing. */
const ENOUGH_FAILURES = 5;

/** Runs trials until there are enough. A failed one is recorded like the others, and the next starts from scratch. */
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
        new Trial(experiment.name, options.runSeed, number, stage, options),
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
  const result = await Promise.race([
    experiment.run(trial),
    overdue(trial, experiment.trialSeconds ?? TRIAL_SECONDS),
  ]).then(
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

/** @throws {Broken} when the trial is overdue. */
async function overdue(trial: Trial, seconds: number): Promise<never> {
  await sleep(1_000 * seconds * trial.patience, undefined, { ref: false });
  throw new Broken(`the trial did not end within ${seconds * trial.patience} s`);
}

const errorText = (error: unknown): unknown =>
  error instanceof Error ? (error.stack ?? error.message) : error;
