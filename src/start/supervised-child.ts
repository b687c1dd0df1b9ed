import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChildMessageSchema, REFUSED_EXIT_CODE } from '../process/child-message.ts';
import { monotonicMs } from '../process/clock.ts';
import { SilenceWatch } from '../process/silence-watch.ts';
import { RestartPolicy } from './restart-policy.ts';

/** A Node program to keep running. */
export interface ChildSpec {
  /** For people: `API`, `worker`, `Redis`. */
  name: string;
  /** Path of the program. */
  entry: string;
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Time from SIGTERM to SIGKILL. */
  stopGraceMs: number;
  /** After this time without a sign of life it is killed and started again. */
  silenceMs: number;
}

/** Callbacks that report on a child. */
export interface ChildReport {
  output(name: string, line: string): void;
  ready(name: string, url: string | undefined): void;
  busy(name: string, text: string): void;
  /** The child died and will restart after `delayMs`. */
  died(name: string, cause: string, delayMs: number): void;
  /** The child will not restart; `reason` is a sentence. */
  failed(name: string, reason: string, lastLines: readonly string[]): void;
}

const KEPT_LINES = 20;
/** A grandchild may hold the pipe open forever, so this is the longest wait for a dead child's last lines. */
const LAST_OUTPUT_MS = 200;

/** One child of `npm start`: starts it, starts it again when it dies, stops it. */
export class SupervisedChild {
  readonly spec: ChildSpec;
  readonly #report: ChildReport;
  readonly #restarts = new RestartPolicy();
  #process: ChildProcess | undefined;
  /** Resolves with the exit code or signal that ended the process. */
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
      // Its own process group: Ctrl-C reaches only the parent, and SIGKILL can reach the whole group.
      detached: true,
    });
    this.#process = child;
    let silenced = false;
    const watch = new SilenceWatch(this.spec.silenceMs, () => {
      silenced = true;
      this.#killGroup();
    });
    const outputEnded = Promise.all([this.#forward(child.stdout!), this.#forward(child.stderr!)]);
    child.on('message', (message) => {
      watch.heard();
      this.#hear(message);
    });
    this.#ended = new Promise((resolve) => {
      child.once('exit', (code, signal) => resolve(signal === null ? `exit code ${code}` : signal));
      child.on('error', (error) => {
        this.#hearLine(error.message);
        if (child.pid === undefined) resolve('a failed start');
      });
    });
    void this.#ended.then(async (signal) => {
      watch.stop();
      await Promise.race([outputEnded, sleep(LAST_OUTPUT_MS)]);
      this.#process = undefined;
      const cause = silenced ? `no sign of life for ${this.spec.silenceMs / 1000} s` : signal;
      this.#bury(cause, child.exitCode, monotonicMs() - startedAtMs);
    });
  }

  /** Sends SIGTERM, then SIGKILL to the process group once `stopGraceMs` is over. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    clearTimeout(this.#restartTimer);
    if (this.#process === undefined) return;
    this.#process.kill('SIGTERM');
    const deadline = setTimeout(() => this.kill(), this.spec.stopGraceMs);
    await this.#ended;
    clearTimeout(deadline);
  }

  /** Sends SIGKILL to the child and everything it started. */
  kill(): void {
    this.#isStopping = true;
    clearTimeout(this.#restartTimer);
    this.#killGroup();
  }

  #killGroup(): void {
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
    else if (parsed.data.type === 'alive') return;
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
