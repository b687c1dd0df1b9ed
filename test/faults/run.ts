import { parseArgs } from 'node:util';
import { findRedisBinary } from '../support/running-installation.ts';
import { EXPERIMENTS, NOT_RUN, SOAK } from './experiments.ts';
import { soak } from './promises/p34-soak.ts';
import { type Entry, machine, readJournal, sumOf, writeEntry, writeResults } from './report.ts';
import { runExperiment } from './run-experiment.ts';

const USAGE = `
npm run test:faults -- [options]     Breaks a real installation in every way we know, and checks that it keeps its promises.

  --only P7         run the experiments that prove this promise, or the one with this name; repeatable
  --n 100           faults per experiment, instead of its own number and time budget
  --seed 5          seed of all random draws (default 1)
  --trial 3         replay this trial only, and print what was drawn
  --results         write test/faults/RESULTS.md from the results so far, and run nothing
  --soak            run the soak instead: an hour, and only this
  --minutes 60      of the soak
  --list            list the experiments, their numbers and their time budgets

Results go to reports/faults.jsonl as the trials end: after a Ctrl-C the same command continues where it stopped.
Delete that file to start from scratch. A failed trial leaves the logs of its processes in reports/faults/.
`;

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    n: { type: 'string' },
    seed: { type: 'string', default: '1' },
    trial: { type: 'string' },
    results: { type: 'boolean' },
    list: { type: 'boolean' },
    soak: { type: 'boolean' },
    minutes: { type: 'string' },
    help: { type: 'boolean' },
  },
});

const number = (name: 'n' | 'seed' | 'trial' | 'minutes'): number | undefined => {
  const text = values[name];
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text))
    throw new Error(`--${name} ${text}: must be a whole number of at most 9 digits`);
  return Number(text);
};

const soakFor = (minutes: number | undefined) => (minutes === undefined ? SOAK : soak(minutes));

const ALL = [...EXPERIMENTS, SOAK];

const wanted = (values.soak === true ? [soakFor(number('minutes'))] : EXPERIMENTS).filter(
  ({ name, rows }) =>
    values.only === undefined ||
    values.only.some((only) => name === only || rows.some(({ id }) => id === only)),
);

let stopped = false;
// Exit handlers stop everything that was started.
process.on('SIGTERM', () => process.exit(143));
process.on('SIGINT', () => {
  if (stopped) process.exit(130);
  stopped = true;
  console.log('\nStopping after the trials under way. Ctrl-C again ends them too.');
});

function tell(entry: Entry, notes: readonly string[]): void {
  const proved = entry.proofs?.map(({ n, worst }) =>
    worst === undefined ? `n ${n}` : `n ${n}, worst ${worst.toFixed(2)}`,
  );
  const place = `${entry.experiment} --seed ${entry.runSeed} --trial ${entry.trial}`;
  console.log(
    `${entry.proofs === null ? 'BROKEN' : 'kept  '} ${place} (${entry.seconds} s) ${proved?.join('; ') ?? ''}`,
  );
  for (const note of notes) console.log(`         ${note}`);
  if (entry.failure !== undefined) console.log(entry.failure.replace(/^/gm, '       | '));
}

async function main(): Promise<void> {
  if (values.help === true) return console.log(USAGE);
  if (values.list === true) {
    for (const { name, rows, n, shortN, seconds } of EXPERIMENTS)
      console.log(
        `${name.padEnd(24)} ${rows
          .map(({ id }) => id)
          .join(' ')
          .padEnd(12)} n ${n} (short ${shortN}), ${seconds} s`,
      );
    return;
  }
  if (values.results === true) return writeResults(ALL, NOT_RUN);
  if (wanted.length === 0) throw new Error(`no experiment proves ${values.only?.join(', ')}; see --list`);
  const runSeed = number('seed')!;
  const trial = number('trial');
  if (findRedisBinary() === undefined)
    throw new Error('No valkey-server or redis-server was found: apt-get install redis-server.');
  console.log(machine());
  for (const experiment of wanted) {
    if (stopped) break;
    const missing = experiment.missing?.();
    if (missing !== undefined) {
      console.log(`\n${experiment.name}: not run. ${missing}`);
      continue;
    }
    const n = number('n') ?? experiment.n;
    const found =
      trial === undefined
        ? readJournal().filter((entry) => entry.experiment === experiment.name && entry.runSeed === runSeed)
        : [];
    console.log(
      `\n${experiment.name}: ${experiment.rows.map(({ id, promise }) => `${id} ${promise}`).join('; ')}`,
    );
    if (sumOf(found, 0).n >= n) console.log(`already run, n ${sumOf(found, 0).n}`);
    await runExperiment(experiment, {
      runSeed,
      n,
      trial,
      found,
      seconds: values.n === undefined ? experiment.seconds : Number.POSITIVE_INFINITY,
      patience: 1,
      share: 1,
      onEntry: (entry, notes) => {
        if (trial === undefined) writeEntry(entry);
        if (entry.proofs === null) process.exitCode = 1;
        tell(entry, notes);
      },
      isStopped: () => stopped,
    });
  }
  if (trial === undefined && values.only === undefined && !stopped) writeResults(ALL, NOT_RUN);
}

main().then(
  () => process.exit(),
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exit(2);
  },
);
