import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type ReadAnswer, ReadAnswerSchema, type ReadTask } from './reading-message.ts';

/** Reads an upload in a process of its own. */

/** As compiled beside this module; tests run this module in src/ and use the dist/ that was built last. */
const ENTRIES = ['./reading/main.js', '../../dist/src/dataset/reading/main.js'];

const MIB = 1024 * 1024;
const LAST_OUTPUT_CHARACTERS = 2_000;

export interface ReadingLimits {
  readonly memoryBytes: number;
  readonly timeMs: number;
  /** Kills the process. */
  readonly signal: AbortSignal;
}

/** too_slow: it took longer than the limit. */
export type ReadOutcome = ReadAnswer | { readonly type: 'too_slow' };

/**
 * Resolves once the process has ended.
 * @throws {Error} when it ends without an answer, or what the signal was aborted with
 */
export async function readUpload(task: ReadTask, limits: ReadingLimits): Promise<ReadOutcome> {
  const { memoryBytes, timeMs, signal } = limits;
  signal.throwIfAborted();
  const entry = ENTRIES.map((each) => fileURLToPath(new URL(each, import.meta.url))).find(existsSync);
  if (entry === undefined) throw new Error('reading/main.js is missing: run npm run build');
  const child = fork(entry, [String(process.pid), String(memoryBytes)], {
    // The last one carries the guard's reason.
    stdio: ['ignore', 'ignore', 'pipe', 'ipc', 'pipe'],
    execArgv: [`--max-old-space-size=${Math.ceil(memoryBytes / MIB)}`],
  });
  let answer: ReadOutcome | undefined;
  let lastOutput = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    lastOutput = (lastOutput + text).slice(-LAST_OUTPUT_CHARACTERS);
  });
  (child.stdio[4] as Readable | null)?.on('data', () => {
    answer ??= { type: 'no_memory' };
  });
  child.on('message', (message) => {
    const parsed = ReadAnswerSchema.safeParse(message);
    if (parsed.success) answer ??= parsed.data;
  });
  const kill = () => void child.kill('SIGKILL');
  signal.addEventListener('abort', kill, { once: true });
  const timer = setTimeout(() => {
    answer ??= { type: 'too_slow' };
    kill();
  }, timeMs);
  try {
    const how = await new Promise<string>((resolve, reject) => {
      child.once('error', reject);
      let [how, isSilent] = ['', false];
      const end = () => {
        if (how !== '' && isSilent) resolve(how);
      };
      child.once('close', (code, by) => {
        how = by === null ? `exited with code ${code}` : `was ended by ${by}`;
        end();
      });
      // What it has sent may arrive after its end.
      child.once('disconnect', () => {
        isSilent = true;
        end();
      });
      child.send(task, () => {});
    });
    signal.throwIfAborted();
    // V8 aborts when its heap is full.
    if (answer === undefined && /heap out of memory/i.test(lastOutput)) return { type: 'no_memory' };
    if (answer === undefined)
      throw new Error(`the process that reads an upload ${how}: ${lastOutput.trim()}`);
    return answer;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', kill);
  }
}
