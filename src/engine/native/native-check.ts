import { fork } from 'node:child_process';
import { z } from 'zod';
import { findBuilt } from '../built-files.ts';
import { NO_ADDON } from './native-module.ts';

/**
 * Checks native.node before any engine uses it. A broken build can crash the process that loads it or silently compute
 * different bits, so a child process (native-check-child.ts) loads it first and compares it with the reference engine.
 */

/** The check takes a fifth of a second; the deadline is for a build that hangs. */
const DEADLINE_MS = 30_000;

const VerdictSchema = z.strictObject({ fault: z.string().optional() });

let checking: Promise<string | undefined> | undefined;

/** Why the native engine is not available, as text for people; undefined if it is. Checked once per process. */
export function nativeFault(): Promise<string | undefined> {
  checking ??= checkAddon(findBuilt('native/native.node'));
  return checking;
}

/** What is wrong with the addon in this file, as text for people; undefined if it works. */
export async function checkAddon(
  file: string | undefined,
  deadlineMs = DEADLINE_MS,
): Promise<string | undefined> {
  if (file === undefined) return NO_ADDON;
  return await new Promise((resolve) => {
    const child = fork(findBuilt('native/native-check-child.js')!, [file], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      timeout: deadlineMs,
      killSignal: 'SIGKILL',
    });
    let verdict: z.output<typeof VerdictSchema> | undefined;
    child.on('message', (message) => {
      verdict = VerdictSchema.parse(message);
    });
    child.on('error', (error) => resolve(`the self-check of native.node could not run: ${error.message}`));
    child.on('close', (code, signal) => {
      if (verdict !== undefined && code === 0) resolve(verdict.fault);
      else resolve(`the self-check of native.node was ended by ${signal ?? `an exit with code ${code}`}`);
    });
  });
}
