import { execFileSync, spawn } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { listEngines } from '../src/engine/engines.ts';
import { resultsTable } from './results.ts';
import { type BenchRow, BenchRowSchema, RunFiguresSchema } from './run-figures.ts';
import { machine } from './running-descent.ts';

/**
 * Runs the reference job with every engine that loads here, and in other libraries if they are set up. Each run has its
 * own process, and the contestants take turns, so that a slow spell of the machine does not hit only one of them.
 */

const HELP = `npm run bench -- [--runs 3] [--only wasm,native] [--epochs 10] [--idx FOLDER] [--out FILE] [--peers FOLDER]

  --runs N        runs of each engine (default 3; slow engines take minutes each)
  --only A,B      only engines whose name contains one of these
  --epochs N      epochs per run (default 10: the reference run)
  --idx FOLDER    train on the four IDX files in FOLDER instead of MNIST
  --out FILE      append each run to FILE as a line of JSON (default reports/bench.jsonl)
  --peers FOLDER  also run Keras, PyTorch and JAX, from the environments that bench/peers/setup.sh created in FOLDER

npm run bench:results writes bench/RESULTS.md from that file.`;

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    only: { type: 'string' },
    epochs: { type: 'string', default: '10' },
    idx: { type: 'string' },
    out: { type: 'string', default: 'reports/bench.jsonl' },
    peers: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(HELP);
  process.exit(0);
}

/** An engine or a peer; `run` returns its figures as a line of JSON. */
interface Contestant {
  readonly name: string;
  run(): Promise<string>;
}

const only = options.only?.split(',');
const contestants: Contestant[] = [...(await engines()), ...peers()].filter(
  ({ name }) => only === undefined || only.some((part) => name.includes(part)),
);
if (contestants.length === 0) {
  console.error(`No engine here has a name that contains ${options.only}.\n\n${HELP}`);
  process.exit(2);
}

mkdirSync('reports', { recursive: true });
const peakProgram = compilePeak();
console.log(`${machine()}${peakProgram === undefined ? '; float32 peak unknown (no C compiler)' : ''}`);
// The first calibration is discarded: it includes the time to compile.
calibrate();
const rows: BenchRow[] = [];
for (let run = 1; run <= Number(options.runs); run += 1) {
  for (const contestant of contestants) {
    const row = await runOnce(contestant).catch((error: unknown) =>
      console.error(`${contestant.name}: ${error}`),
    );
    if (row === undefined) continue;
    rows.push(row);
    appendFileSync(options.out, `${JSON.stringify(row)}\n`);
    console.log(
      `run ${run} of ${options.runs}, ${contestant.name}: ${row.train_seconds.toFixed(2)} s, ` +
        `${row.us_per_step.toFixed(0)} us a step, calibration ${row.calibration_ms.toFixed(0)} ms`,
    );
  }
}
console.log(`\n${resultsTable(rows)}`);

async function engines(): Promise<Contestant[]> {
  const found = await listEngines();
  for (const engine of found) {
    if (!engine.available) console.log(`${engine.name} is skipped: ${engine.reason}`);
  }
  const data = options.idx === undefined ? [] : ['--idx', options.idx];
  return found
    .filter(({ available }) => available)
    .map(({ name }) => ({
      name,
      run: async () =>
        await outputOf(process.execPath, [
          'dist/bench/one-run.js',
          ...['--engine', name, '--epochs', options.epochs],
          ...data,
        ]),
    }));
}

function peers(): Contestant[] {
  if (options.peers === undefined) return [];
  const script = 'bench/peers/run.sh';
  const args = ['--folder', options.peers, '--epochs', options.epochs, '--out', '-'];
  if (options.idx !== undefined) args.push('--data', options.idx);
  const rows = execFileSync('bash', [script, '--list'], { encoding: 'utf8' }).trim().split('\n');
  return rows.map((row) => ({
    name: row,
    run: async () => await outputOf('bash', [script, '--only', `^${row}$`, ...args]),
  }));
}

async function runOnce(contestant: Contestant): Promise<BenchRow> {
  const before = calibrate();
  const peakBefore = measurePeak();
  const figures = RunFiguresSchema.parse(JSON.parse(await contestant.run()));
  const peakAfter = measurePeak();
  const after = calibrate();
  return BenchRowSchema.parse({
    ...figures,
    date: new Date().toISOString(),
    machine: machine(),
    data: options.idx === undefined ? 'mnist' : basename(options.idx),
    epochs: Number(options.epochs),
    calibration_ms: (before + after) / 2,
    peak_gflops: mean(peakBefore?.fused, peakAfter?.fused),
    separate_peak_gflops: mean(peakBefore?.separate, peakAfter?.separate),
  });
}

async function outputOf(command: string, args: string[]): Promise<string> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`${[command, ...args].join(' ')} ended with ${code}`);
  return output;
}

/** Measures a fixed amount of work: a chain of integer operations that no compiler can shorten, in ms. */
function calibrate(): number {
  const startedMs = performance.now();
  let x = 1;
  for (let i = 0; i < 50_000_000; i += 1) x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d) + i;
  const tookMs = performance.now() - startedMs;
  if (x === 0.5) throw new Error('an integer is never 0.5');
  return tookMs;
}

/** Compiles bench/float32-peak.c into a folder that this process removes; undefined without a C compiler. */
function compilePeak(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'descent-peak-'));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  const program = join(folder, 'peak');
  try {
    execFileSync(process.env.CC ?? 'cc', ['-O3', '-march=native', 'bench/float32-peak.c', '-o', program]);
    return program;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function measurePeak(): { fused: number; separate: number } | undefined {
  if (peakProgram === undefined) return undefined;
  const [fused, separate] = execFileSync(peakProgram, { encoding: 'utf8' }).split(' ').map(Number);
  return { fused: fused!, separate: separate! };
}

function mean(before: number | undefined, after: number | undefined): number | null {
  return before === undefined || after === undefined ? null : (before + after) / 2;
}
