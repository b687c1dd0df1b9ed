#!/usr/bin/env node
import { Descent } from '../client/descent.ts';
import { packageVersion } from '../process/package-version.ts';
import { explain, UsageError } from './failure.ts';
import { buildProgram } from './program.ts';

/** The command `descent`: trains, watches and fetches from a shell. */

const DEFAULT_URL = 'http://127.0.0.1:3000';

/** @throws {UsageError} */
function connect(): Descent {
  const { DESCENT_URL, DESCENT_API_KEY } = process.env;
  try {
    return new Descent({ url: DESCENT_URL || DEFAULT_URL, apiKey: DESCENT_API_KEY || undefined });
  } catch (error) {
    throw new UsageError(`${(error as Error).message} It comes from DESCENT_URL or DESCENT_API_KEY.`);
  }
}

// `descent jobs | head` closes our output early, which is no failure.
process.stdout.on('error', ({ code }: NodeJS.ErrnoException) => process.exit(code === 'EPIPE' ? 0 : 1));

let exitCode = 0;
const program = buildProgram({
  version: packageVersion(),
  connect,
  end: (code) => {
    exitCode = code;
  },
});
try {
  if (process.argv.length === 2) {
    program.outputHelp();
    throw new UsageError('Name a command.');
  }
  await program.parseAsync();
} catch (error) {
  exitCode = explain(error, process.argv.includes('--json'));
}
// Not process.exit: what is on its way to a pipe arrives first.
process.exitCode = exitCode;
