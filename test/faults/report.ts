import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { z } from 'zod';
import type { Experiment } from './experiment.ts';

/** The results of the trials: a line for each in reports/faults.jsonl, and the table generated from them. */

const JOURNAL = 'reports/faults.jsonl';
const RESULTS = 'test/faults/RESULTS.md';
/** With fewer faults a row proves nothing. */
const ENOUGH = 20;

const EntrySchema = z.strictObject({
  experiment: z.string(),
  runSeed: z.number(),
  trial: z.number(),
  seed: z.number(),
  at: z.string(),
  seconds: z.number(),
  commit: z.string(),
  machine: z.string(),
  /** One proof per row of the experiment; null when the trial failed. */
  proofs: z.array(z.strictObject({ n: z.number(), worst: z.number().optional() })).nullable(),
  failure: z.string().optional(),
});
export type Entry = z.output<typeof EntrySchema>;

export function readJournal(): Entry[] {
  if (!existsSync(JOURNAL)) return [];
  const lines = readFileSync(JOURNAL, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line, i) => {
    const entry = EntrySchema.safeParse(jsonOf(line));
    if (!entry.success)
      throw new Error(
        `${JOURNAL}:${i + 1} was not written by this version. Delete the file to start from scratch.`,
      );
    return entry.data;
  });
}

/** Undefined for a line that is not JSON because it was cut short. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function writeEntry(entry: Entry): void {
  mkdirSync('reports', { recursive: true });
  appendFileSync(JOURNAL, `${JSON.stringify(entry)}\n`);
}

export const commitOfTree = (): string => {
  try {
    const git = (...args: string[]) => execFileSync('git', args, { encoding: 'utf8', stdio: 'pipe' }).trim();
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '-uno') === '' ? '' : ' and changes'}`;
  } catch {
    return 'unknown';
  }
};

export interface Sum {
  n: number;
  failures: number;
  worst: number | undefined;
}

/** Sums the entries of an experiment for its row number `row`. A failed trial counts as one failed fault. */
export function sumOf(entries: readonly Entry[], row: number): Sum {
  let n = 0;
  let failures = 0;
  let worst: number | undefined;
  for (const { proofs } of entries) {
    const proof = proofs?.[row];
    if (proofs === null) failures++;
    n += proof?.n ?? (proofs === null ? 1 : 0);
    if (proof?.worst !== undefined) worst = Math.max(worst ?? proof.worst, proof.worst);
  }
  return { n, failures, worst };
}

/** Writes RESULTS.md from the journal. */
export function writeResults(experiments: readonly Experiment[], notRun: readonly NotRun[]): void {
  const entries = readJournal();
  const run = experiments.filter(
    ({ name, missing }) => missing?.() === undefined || entries.some(({ experiment }) => experiment === name),
  );
  const lines = run.flatMap((experiment) => {
    const own = entries.filter((entry) => entry.experiment === experiment.name);
    return experiment.rows.map((row, place) => {
      const { n, failures, worst } = sumOf(own, place);
      const seeds = [...new Set(own.map(({ runSeed }) => runSeed))].join(', ');
      const figure = worst === undefined || row.figure === undefined ? '' : `${round(worst)} ${row.figure}`;
      return {
        id: row.id,
        cells: [
          row.id,
          row.promise,
          row.fault,
          String(n),
          String(row.designN),
          String(failures),
          figure,
          row.unpromised === true ? 'no promise' : verdict(n, failures),
          seeds,
          own.at(-1)?.at.slice(0, 10) ?? '',
        ],
      };
    });
  });
  lines.sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)));
  const header = ['', 'promise', 'fault', 'n', 'design', 'failures', 'worst', 'rate at 95 %', 'seed', 'date'];
  const table = [header, header.map(() => '---'), ...lines.map(({ cells }) => cells)];
  const distinct = (of: 'machine' | 'commit') => [...new Set(entries.map((entry) => entry[of]))].join(', ');
  const failed = entries.filter(({ proofs }) => proofs === null);
  const lacking = experiments
    .filter((experiment) => !run.includes(experiment))
    .flatMap(({ rows, missing }) => rows.map(({ id, fault }) => ({ id, what: fault, why: missing!()! })));
  const text = [
    '# Results of the fault trials',
    '',
    'Written by `npm run test:faults`; README explains how to run it and replay a trial. `n` counts faults; `design` is the',
    `number that the design asks for. 0 failures in n bound the failure rate at 3/n (95 %); fewer than ${ENOUGH} faults prove`,
    'nothing. Where `n` counts requests, jobs or sequences, many come from one trial and are not independent.',
    '',
    `Machine: ${distinct('machine')}. Commits: ${distinct('commit')}.`,
    '',
    ...table.map((cells) => `| ${cells.join(' | ')} |`),
    '',
    '## Not run',
    '',
    ...[...notRun, ...lacking].map(({ id, what, why }) => `- ${id}: ${what}. ${why}`),
    ...(failed.length === 0 ? [] : ['', '## Failed trials', '']),
    ...failed.map(
      ({ experiment, runSeed, trial, failure }) =>
        `- ${experiment}, --seed ${runSeed} --trial ${trial}: ${failure?.split('\n')[0]}`,
    ),
    '',
  ];
  writeFileSync(RESULTS, text.join('\n'));
}

/** A trial that this machine or this version cannot run. Never counted as passed. */
export interface NotRun {
  id: string;
  what: string;
  why: string;
}

function verdict(n: number, failures: number): string {
  if (failures > 0) return 'broken';
  if (n < ENOUGH) return 'not proved';
  return `< ${round((3 / n) * 100)} %`;
}

const round = (value: number): number => Math.round(value * 100) / 100;

export const machine = (): string =>
  `${cpus().length} x ${cpus()[0].model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}, Node ${process.version}`;
