import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChildMessageSchema, REFUSED_EXIT_CODE } from '../process/child-message.ts';
import { monotonicMs } from '../process/clock.ts';
import { RestartPolicy } from './restart-policy.ts';

/** A Node program to keep running. */
export interface ChildSpec {
  /** For people: `API`, `worker`, `Redis`. */
  name: string;
  /** Path of the program. */
  entry: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  /** From SIGTERM to SIGKILL. */
  stopGraceMs: number;
}

/** What a child's owner hears of it. */
export interface ChildReport {
  output(name: string, line: string): void;
  ready(name: string, url: string | undefined): void;
  busy(name: string, text: string): void;
  /** It died and is started again after `delayMs`. */
  died(name: string, cause: string, delayMs: number): void;
  /** It is not started again: a sentence, and its last lines of output. */
  failed(name: string, reason: string, lastLines: readonly string[]): void;
}

const KEPT_LINES = 20;
/** A grandchild may hold the pipe open for ever; after this the last lines are what came so far. */
const LAST_OUTPUT_MS = 200;

/** One child of `npm start`: starts it, starts it again when it dies, stops it. */
export class SupervisedChild {
  readonly spec: ChildSpec;
  readonly #report: ChildReport;
  readonly #restarts = new RestartPolicy();
  #process: ChildProcess | undefined;
  /** Resolves with what ended the process. */
  #ended: Promise<string> | undefined;
  #restartTimer: NodeJS.Timeout | undefined;
  #isStopping = false;
  #lastLines: string[] = [];
  #refusal: string | undefined;

  constructor(spec: ChildSpec, report: ChildReport) {
    this.spec = spec;
    this.#report = report;
  }

  start(): void {
    if (this.#isStopping) return;
    const startedAtMs = monotonicMs();
    this.#lastLines = [];
    this.#refusal = undefined;
    const child = spawn(process.execPath, [this.spec.entry, ...this.spec.args], {
      env: this.spec.env,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      // A process group of its own: Ctrl-C reaches the parent alone, and a SIGKILL can reach the whole group.
      detached: true,
    });
    this.#process = child;
    const outputEnded = Promise.all([this.#forward(child.stdout!), this.#forward(child.stderr!)]);
    child.on('message', (message) => this.#hear(message));
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : signal));
      child.on('error', (error) => {
        this.#hearLine(error.message);
        if (child.pid === undefined) resolve('a failed start');
      });
    });
    void this.#ended.then(async (cause) => {
      await Promise.race([outputEnded, sleep(LAST_OUTPUT_MS)]);
      this.#process = undefined;
      this.#bury(cause, child.exitCode, monotonicMs() - startedAtMs);
    });
  }

  /** SIGTERM, and SIGKILL for its process group when it takes longer than its grace. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restartTimer);
    if (this.#process === undefined) return;
    this.#process.kill('SIGTERM');
    const deadline = setTimeout(() => this.kill(), this.spec.stopGraceMs);
    await this.#ended;
    clearTimeout(deadline);
  }

  /** SIGKILL for the child and everything it started. */
  kill(): void {
    this.#isStopping = true;
    clearTimeout(this.#restartTimer);
    const pid = this.#process?.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // The group is gone already.
    }
  }

  #hear(message: unknown): void {
    const parsed = ChildMessageSchema.safeParse(message);
    if (!parsed.success) {
      this.#report.output(this.spec.name, `sent an unknown message: ${JSON.stringify(message)}`);
    } else if (parsed.data.type === 'ready') this.#report.ready(this.spec.name, parsed.data.url);
    else if (parsed.data.type === 'busy') this.#report.busy(this.spec.name, parsed.data.text);
    else this.#refusal = parsed.data.reason;
  }

  #hearLine(line: string): void {
    this.#lastLines = [...this.#lastLines, line].slice(-KEPT_LINES);
    this.#report.output(this.spec.name, line);
  }

  async #forward(output: Readable): Promise<void> {
    for await (const line of createInterface({ input: output })) this.#hearLine(line);
  }

  #bury(cause: string, code: number | null, livedMs: number): void {
    if (this.#isStopping) return;
    const { name } = this.spec;
    if (code === REFUSED_EXIT_CODE) {
      const lastLines = this.#refusal === undefined ? this.#lastLines : [];
      this.#report.failed(name, this.#refusal ?? `The ${name} cannot start.`, lastLines);
      return;
    }
    const delayMs = this.#restarts.afterDeath(monotonicMs(), livedMs);
    if (delayMs === undefined) {
      const reason = `The ${name} died five times in a minute (the last time: ${cause}).`;
      this.#report.failed(name, reason, this.#lastLines);
      return;
    }
    this.#report.died(name, cause, delayMs);
    this.#restartTimer = setTimeout(() => this.start(), delayMs);
  }
}
