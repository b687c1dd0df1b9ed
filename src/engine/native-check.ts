import { fork } from 'node:child_process';
import { dirname, join } from 'node:path';
import { findAddon, NO_ADDON } from './native-module.ts';

/**
 * Whether native.node may be trusted. A broken build can end the process that loads it, or compute other bits without a
 * word, so a child loads it first and trains with it beside the reference engine: native-check-child.ts.
 */

/** The check takes a fifth of a second; this is for a build that hangs. */
const DEADLINE_MS = 30_000;

let checking: Promise<string | undefined> | undefined;

/** Why the native engine cannot be had, for people; undefined when it can. Checked once a process. */
export function nativeFault(): Promise<string | undefined> {
  checking ??= checkAddon(findAddon());
  return checking;
}

/** The child is compiled, as it runs without the tools that run tests from src/: it lies beside native.node in dist/. */
export function checkAddon(
  file: string | undefined,
  child = file && join(dirname(file), 'native-check-child.js'),
): Promise<string | undefined> {
  if (file === undefined || child === undefined) return Promise.resolve(NO_ADDON);
  return new Promise((resolve) => {
    const checker = fork(child, [file], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      timeout: DEADLINE_MS,
      killSignal: 'SIGKILL',
    });
    let lastOutput = '';
    let verdict: { fault?: string } | undefined;
    checker.stderr!.setEncoding('utf8').on('data', (text: string) => {
      lastOutput = text.trim();
    });
    checker.on('message', (message: { fault?: string }) => {
      verdict = message;
    });
    checker.on('error', (error) => resolve(`the self-check of native.node could not run: ${error.message}`));
    checker.on('close', (code, signal) => {
      if (code === 0 && verdict !== undefined) resolve(verdict.fault);
      else if (signal !== null) resolve(`the self-check of native.node was ended by ${signal}`);
      else resolve(`the self-check of native.node ended with code ${code}: ${lastOutput}`);
    });
  });
}
