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

const HEADER = [
  'promise',
  'fault',
  'n',
  'design',
  'failures',
  'worst',
  'rate at 95 %',
  'seed',
  'date',
  'commit',
  'machine',
];

/**
 * Writes RESULTS.md from the journal. Of experiments that the journal lacks, what the file already says is kept: they take
 * longer together than one wants to wait for after a change of one.
 */
export function writeResults(experiments: readonly Experiment[], notRun: readonly NotRun[]): void {
  const entries = readJournal();
  const before = existsSync(RESULTS) ? readFileSync(RESULTS, 'utf8').split('\n') : [];
  const run = experiments.filter(
    ({ name, missing }) => missing?.() === undefined || entries.some(({ experiment }) => experiment === name),
  );
  const lines = run.flatMap((experiment) => {
    const own = entries.filter((entry) => entry.experiment === experiment.name);
    return experiment.rows.map((row, place) => {
      const key = `| ${row.id} | ${row.promise} | ${row.fault} |`;
      const kept = own.length > 0 ? undefined : before.find((line) => line.startsWith(key));
      return { id: row.id, line: kept ?? `${key} ${cellsOf(row, sumOf(own, place), own).join(' | ')} |` };
    });
  });
  lines.sort((a, b) => Number(a.id.slice(1)) - Number(b.id.slice(1)));
  const ran = (name: string) => entries.some(({ experiment }) => experiment === name);
  const failed = [
    ...before.filter((line) => {
      const name = /^- ([\w-]+), --seed \d+ --trial \d+: /.exec(line)?.[1];
      return name !== undefined && run.some((experiment) => experiment.name === name) && !ran(name);
    }),
    ...entries
      .filter(({ proofs }) => proofs === null)
      .map(
        ({ experiment, runSeed, trial, failure }) =>
          `- ${experiment}, --seed ${runSeed} --trial ${trial}: ${failure?.split('\n')[0]}`,
      ),
  ];
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
    `|  | ${HEADER.join(' | ')} |`,
    `| --- | ${HEADER.map(() => '---').join(' | ')} |`,
    ...lines.map(({ line }) => line),
    '',
    '## Not run',
    '',
    ...[...notRun, ...lacking].map(({ id, what, why }) => `- ${id}: ${what}. ${why}`),
    ...(failed.length === 0 ? [] : ['', '## Failed trials', '', ...failed]),
    '',
  ];
  writeFileSync(RESULTS, text.join('\n'));
}

/** The cells of a row after its promise and fault. own: the trials of its experiment. */
function cellsOf(
  row: Experiment['rows'][number],
  { n, failures, worst }: Sum,
  own: readonly Entry[],
): string[] {
  const distinct = (values: readonly (string | number)[]) => [...new Set(values)].join(', ');
  return [
    String(n),
    String(row.designN),
    String(failures),
    worst === undefined || row.figure === undefined ? '' : `${round(worst)} ${row.figure}`,
    row.unpromised === true ? 'no promise' : verdict(n, failures),
    distinct(own.map(({ runSeed }) => runSeed)),
    own.at(-1)?.at.slice(0, 10) ?? '',
    distinct(own.map(({ commit }) => commit)),
    distinct(own.map(({ machine }) => machine.split(',')[0]!)),
  ];
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
