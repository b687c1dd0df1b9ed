import { fork } from 'node:child_process';
import { z } from 'zod';
import { findBuilt } from '../built-files.ts';
import { NO_ADDON } from './native-module.ts';

/**
 * Whether native.node may be trusted. A broken build can end the process that loads it, or compute other bits without a
 * word, so a child loads it first and trains with it beside the reference engine: native-check-child.ts.
 */

/** The check takes a fifth of a second; this is for a build that hangs. */
const DEADLINE_MS = 30_000;

const VerdictSchema = z.strictObject({ fault: z.string().optional() });

let checking: Promise<string | undefined> | undefined;

/** Why the native engine cannot be had, for people; undefined when it can. Checked once a process. */
export function nativeFault(): Promise<string | undefined> {
  checking ??= checkAddon(findBuilt('native/native.node'));
  return checking;
}

/** What is wrong with the addon in this file, for people; undefined when nothing is. */
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
