import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

/** A running program under test: its output, its end and its processes. */
export class StartedProgram {
  readonly lines: string[] = [];
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly #process: ChildProcess;
  readonly #listeners = new Set<(line: string) => void>();

  /**
   * @param env all of its environment
   * @param descriptors how many files it may open
   */
  constructor(
    script: string,
    args: readonly string[],
    { descriptors, ...options }: { env: NodeJS.ProcessEnv; cwd: string; descriptors?: number },
  ) {
    // A shell sets the hard limit too: Node raises a soft one.
    const limit = descriptors === undefined ? '' : `ulimit -n ${descriptors} && `;
    this.#process = spawn('/bin/sh', ['-c', `${limit}exec "$0" "$@"`, process.execPath, script, ...args], {
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

  /** The first matching line after the first `after` lines; rejects when the program ends without one. */
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
