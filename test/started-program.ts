import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

/** A program under test, running: what it prints, how it ends, and which processes belong to it. */
export class StartedProgram {
  readonly lines: string[] = [];
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly #process: ChildProcess;
  readonly #listeners = new Set<(line: string) => void>();

  /** @param env all of its environment */
  constructor(script: string, args: readonly string[], options: { env: NodeJS.ProcessEnv; cwd: string }) {
    this.#process = spawn(process.execPath, [script, ...args], {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.ended = new Promise((resolve) =>
      this.#process.once('close', (code, signal) => resolve(signal ?? code ?? 'unknown')),
    );
    for (const output of [this.#process.stdout!, this.#process.stderr!]) {
      createInterface({ input: output }).on('line', (line) => {
        this.lines.push(line);
        for (const listener of this.#listeners) listener(line);
      });
    }
    onTestFinished(async () => {
      if (this.#process.exitCode === null && this.#process.signalCode === null) this.kill('SIGTERM');
      await this.ended;
    });
  }

  get pid(): number {
    return this.#process.pid!;
  }

  get output(): string {
    return this.lines.join('\n');
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** The first line that matches and was not there before `after` lines; rejects when the program ends without it. */
  line(pattern: RegExp, after = 0): Promise<string> {
    return new Promise((resolve, reject) => {
      const known = this.lines.slice(after).find((line) => pattern.test(line));
      if (known !== undefined) return resolve(known);
      const listener = (line: string) => {
        if (!pattern.test(line)) return;
        this.#listeners.delete(listener);
        resolve(line);
      };
      this.#listeners.add(listener);
      void this.ended.then((how) =>
        reject(new Error(`ended with ${how} before ${pattern}:\n${this.output}`)),
      );
    });
  }
}

export interface ProcessEntry {
  pid: number;
  parentPid: number;
  command: string;
}

/** All living processes below this one, at any depth. */
export function descendantsOf(pid: number): ProcessEntry[] {
  const all = listProcesses();
  const found: ProcessEntry[] = [];
  for (let parents = [pid]; parents.length > 0; ) {
    const children = all.filter((entry) => parents.includes(entry.parentPid));
    found.push(...children);
    parents = children.map((entry) => entry.pid);
  }
  return found;
}

/** Those of these processes that still live. */
export function stillAlive(entries: readonly ProcessEntry[]): ProcessEntry[] {
  const alive = new Map(listProcesses().map((entry) => [entry.pid, entry.command]));
  return entries.filter((entry) => alive.get(entry.pid) === entry.command);
}

function listProcesses(): ProcessEntry[] {
  const table = execFileSync('ps', ['-eo', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' });
  return table.split('\n').flatMap((row) => {
    const [, pid, parentPid, state, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(row) ?? [];
    // A zombie has ended; who has to notice that is its parent.
    if (pid === undefined || state!.startsWith('Z')) return [];
    return [{ pid: Number(pid), parentPid: Number(parentPid), command: command! }];
  });
}
