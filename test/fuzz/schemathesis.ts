import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

/** Schemathesis, in a Python environment of its own below the ignored folder reports/. */

export const VERSION = '4.32.5';
const FOLDER = 'reports/fuzz';
const ENVIRONMENT = join(FOLDER, `schemathesis-${VERSION}`);

export const PHASES = ['examples', 'coverage', 'fuzzing', 'stateful'] as const;
export type Phase = (typeof PHASES)[number];

export interface FuzzOptions {
  url: string;
  phase: Phase;
  /** Cases per operation, at most. */
  examples: number;
  seed: number;
  /** Sent with every request, such as `Authorization: Bearer ...`. */
  headers: readonly string[];
  /** A file in this folder: what this run expects. */
  config: string;
  /** Begins the names of its logs. */
  name: string;
  /** Checks that do not apply. */
  leftOut: readonly string[];
}

const ReportSchema = z.looseObject({
  complete: z.boolean(),
  exit_code: z.int(),
  test_cases: z.looseObject({ generated: z.int(), unique_failures: z.int(), errored: z.int() }),
});

export interface FuzzOutcome {
  cases: number;
  failures: number;
  /** The file in which Schemathesis explains them. */
  log: string;
}

/** @returns the path of the program. @throws when Python or the registry is missing. */
export function installSchemathesis(): string {
  const program = join(ENVIRONMENT, 'bin', 'schemathesis');
  if (existsSync(program)) return program;
  mkdirSync(FOLDER, { recursive: true });
  execute('python3', ['-m', 'venv', ENVIRONMENT]);
  execute(join(ENVIRONMENT, 'bin', 'pip'), ['install', '--quiet', `schemathesis==${VERSION}`]);
  return program;
}

function execute(program: string, args: string[]): void {
  const { status, error } = spawnSync(program, args, { stdio: 'inherit' });
  if (status !== 0) throw error ?? new Error(`${program} ${args.join(' ')} ended with ${status}`);
}

/** Runs one phase with all checks. @throws when it ended before its end, or could not run. */
export async function fuzz(program: string, options: FuzzOptions): Promise<FuzzOutcome> {
  const { url, phase, examples, seed, headers, config, name, leftOut } = options;
  const base = join(FOLDER, `${name}-${phase}-${seed}`);
  const log = `${base}.log`;
  const output = openSync(log, 'w');
  const child = spawn(
    program,
    [
      ...['--config-file', join('test/fuzz', config), 'run', `${url}/openapi.json`],
      ...['--phases', phase, '--max-examples', String(examples), '--seed', String(seed)],
      ...['--checks', 'all', '--mode', 'all', '--continue-on-failure', '--request-timeout', '30'],
      ...['--generation-database', 'none', '--no-color'],
      ...['--report', 'json', '--report-json-path', `${base}.json`],
      ...headers.flatMap((header) => ['--header', header]),
      ...leftOut.flatMap((check) => ['--exclude-checks', check]),
    ],
    {
      stdio: ['ignore', output, output],
      env: { ...process.env, PYTHONPATH: 'test/fuzz', SCHEMATHESIS_HOOKS: 'hooks' },
    },
  );
  await new Promise((resolve, reject) => child.once('exit', resolve).once('error', reject));
  if (!existsSync(`${base}.json`)) throw new Error(`Schemathesis did not run:\n${readFileSync(log, 'utf8')}`);
  const report = ReportSchema.parse(JSON.parse(readFileSync(`${base}.json`, 'utf8')));
  const { generated, unique_failures, errored } = report.test_cases;
  const failures = unique_failures + errored;
  if (!report.complete || (report.exit_code !== 0 && failures === 0))
    throw new Error(`${log} has the reason`);
  return { cases: generated, failures, log };
}
