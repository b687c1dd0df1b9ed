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
 * The reference job with every engine that loads here, each run in a process of its own, the engines in turn, so that a
 * slow spell of the machine does not hit one alone.
 */

const HELP = `npm run bench -- [--runs 3] [--only wasm,native] [--epochs 10] [--idx FOLDER] [--out FILE]

  --runs N      runs of each engine (default 3; slow engines take minutes each)
  --only A,B    these engines only
  --epochs N    epochs of a run (default 10: the reference run)
  --idx FOLDER  train on the four IDX files in FOLDER instead of on MNIST
  --out FILE    append each run to FILE, a line of JSON (default reports/bench.jsonl)

npm run bench:results makes bench/RESULTS.md of that file.`;

const { values: options } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    only: { type: 'string' },
    epochs: { type: 'string', default: '10' },
    idx: { type: 'string' },
    out: { type: 'string', default: 'reports/bench.jsonl' },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log(HELP);
  process.exit(0);
}

const only = options.only?.split(',');
const engines: string[] = [];
for (const engine of await listEngines()) {
  if (only !== undefined && !only.includes(engine.name)) continue;
  if (engine.available) engines.push(engine.name);
  else console.log(`${engine.name} is left out: ${engine.reason}`);
}
if (engines.length === 0) {
  console.error(`No engine of --only ${options.only} loads here.\n\n${HELP}`);
  process.exit(2);
}

mkdirSync('reports', { recursive: true });
const peak_gflops = measurePeak();
console.log(`${machine()}; one core's float32 peak: ${peak_gflops ?? 'unknown (no C compiler)'} GFLOP/s`);
const rows: BenchRow[] = [];
for (let run = 1; run <= Number(options.runs); run += 1) {
  for (const engine of engines) {
    const row = await runOnce(engine);
    rows.push(row);
    appendFileSync(options.out, `${JSON.stringify(row)}\n`);
    console.log(
      `run ${run} of ${options.runs}, ${engine}: ${row.train_seconds.toFixed(2)} s, ` +
        `${row.us_per_step.toFixed(0)} us a step, calibration ${row.calibration_ms.toFixed(0)} ms`,
    );
  }
}
console.log(`\n${resultsTable(rows)}`);

async function runOnce(engine: string): Promise<BenchRow> {
  const args = ['dist/bench/one-run.js', '--engine', engine, '--epochs', options.epochs];
  if (options.idx !== undefined) args.push('--idx', options.idx);
  const before = calibrate();
  const output = await outputOf(args);
  const figures = RunFiguresSchema.parse(JSON.parse(output));
  return BenchRowSchema.parse({
    ...figures,
    date: new Date().toISOString(),
    machine: machine(),
    data: options.idx === undefined ? 'mnist' : basename(options.idx),
    epochs: Number(options.epochs),
    calibration_ms: (before + calibrate()) / 2,
    peak_gflops,
  });
}

async function outputOf(args: string[]): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`node ${args.join(' ')} ended with ${code}`);
  return output;
}

/** The same work each time: milliseconds of a chain of integer operations that no compiler can shorten. */
function calibrate(): number {
  const startedMs = performance.now();
  let x = 1;
  for (let i = 0; i < 50_000_000; i += 1) x = Math.imul(x ^ (x >>> 15), 0x2c1b3c6d) + i;
  const tookMs = performance.now() - startedMs;
  if (x === 0.5) throw new Error('an integer is no half');
  return tookMs;
}

function measurePeak(): number | null {
  const folder = mkdtempSync(join(tmpdir(), 'descent-peak-'));
  const program = join(folder, 'peak');
  try {
    execFileSync(process.env.CC ?? 'cc', ['-O3', '-march=native', 'bench/float32-peak.c', '-o', program]);
    return Number(execFileSync(program, { encoding: 'utf8' }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
