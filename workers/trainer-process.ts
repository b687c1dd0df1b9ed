import { type ChildProcess, fork } from 'node:child_process';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../src/process/log.ts';
import { SILENCE_MS, SilenceWatch } from '../src/process/silence-watch.ts';
import {
  type TrainCommand,
  type TrainerCommand,
  type TrainerMessage,
  TrainerMessageSchema,
} from './trainer-message.ts';

/** Bundled into one file, which halves the start time: most of zod's modules are unused translations. */
const TRAINER = new URL('./trainer.bundle.js', import.meta.url);
const LAST_OUTPUT_CHARACTERS = 2_000;
/** Enough tries to outlast a passing cause, such as a process limit that is reached for a moment. */
const START_TRIES = 5;
const START_PAUSE_MS = 300;

/** The end of a trainer process. */
export interface Exit {
  type: 'exited';
  /** How it ended, in words. */
  how: string;
  signal: NodeJS.Signals | null;
}

/** A trainer process from the worker's side: takes commands, yields messages, and can be killed. */
export class TrainerProcess {
  readonly #child: ChildProcess;
  readonly #messages: TrainerMessage[] = [];
  #onMessage: (() => void) | undefined;
  #exit: Exit | undefined;
  #lastOutput = '';
  #killed = false;
  /** Resolves once the process has exited. */
  readonly exited: Promise<Exit>;

  /** @param silenceMs after this time without a sign of life it is killed, at least 1000 */
  constructor(log: Log, silenceMs: number) {
    this.#child = fork(TRAINER, [String(process.pid)], {
      // The last one carries the signs of life of its watchdog thread, even while a long step blocks the others.
      stdio: ['ignore', 'inherit', 'pipe', 'ipc', 'pipe'],
      execArgv: [],
    });
    // Undefined when the process could not be created.
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      process.stderr.write(text);
      this.#lastOutput = (this.#lastOutput + text).slice(-LAST_OUTPUT_CHARACTERS);
    });
    let silenced = false;
    const watch = new SilenceWatch(silenceMs, () => {
      silenced = true;
      this.kill();
    });
    (this.#child.stdio[4] as Readable | null)?.on('data', () => watch.heard());
    this.#child.on('message', (message: unknown) => {
      const parsed = TrainerMessageSchema.safeParse(message);
      if (parsed.success) {
        this.#messages.push(parsed.data);
        this.#onMessage?.();
      } else {
        log.error({ err: parsed.error, message }, 'a trainer sent a message that is not allowed; killing it');
        this.kill();
      }
    });
    this.exited = new Promise((resolve) => {
      const gone = (ending: string, signal: NodeJS.Signals | null = null) => {
        watch.stop();
        const how = silenced ? `it gave no sign of life for ${silenceMs / 1000} s and was killed` : ending;
        const lastWords = this.#lastOutput === '' ? '' : `; its last output: ${lastLine(this.#lastOutput)}`;
        this.#exit ??= { type: 'exited', how: `${how}${lastWords}`, signal };
        this.#onMessage?.();
        resolve(this.#exit);
      };
      this.#child.on('error', (error) => gone(`it could not be started or reached: ${error.message}`));
      this.#child.on('close', (code, signal) =>
        gone(signal === null ? `it exited with code ${code}` : `it was ended by ${signal}`, signal),
      );
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** False from the kill on, not only after the exit. */
  get alive(): boolean {
    return this.#exit === undefined && !this.#killed;
  }

  train(command: TrainCommand): void {
    this.#messages.length = 0;
    this.#lastOutput = '';
    this.send(command);
  }

  send(command: TrainerCommand): void {
    // Ignore a failed send: the trainer's exit is reported separately.
    if (this.#child.connected) this.#child.send(command, () => {});
  }

  /** The next message, or the exit when there are no more. */
  async next(): Promise<TrainerMessage | Exit> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      if (this.#exit !== undefined) return this.#exit;
      await new Promise<void>((resolve) => {
        this.#onMessage = resolve;
      });
    }
  }

  /** False if it has ended: its end may reach this process later than the next job does. */
  async answers(): Promise<boolean> {
    if (!this.alive) return false;
    this.send({ type: 'ask' });
    for (;;) {
      const { type } = await this.next();
      if (type === 'ready') return true;
      if (type === 'exited') return false;
    }
  }

  kill(): void {
    this.#killed = true;
    this.#child.kill('SIGKILL');
  }
}

const lastLine = (text: string): string =>
  text
    .trim()
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('at '))
    .at(-1) ?? '';

/** This worker cannot train: its trainers exit before they have loaded. It counts as a fault of no job. */
export class NoTrainerError extends Error {
  override readonly name = 'NoTrainerError';
}

/** Idle trainers, each with its modules and last dataset loaded. */
export class TrainerPool {
  readonly #log: Log;
  readonly #silenceMs: number;
  readonly #idle: TrainerProcess[] = [];
  #closed = false;

  /** @param silenceMs see TrainerProcess */
  constructor(log: Log, silenceMs = SILENCE_MS) {
    this.#log = log;
    this.#silenceMs = silenceMs;
  }

  /**
   * Starts a trainer ahead of the first job.
   * @throws {NoTrainerError} now rather than at the first job.
   */
  async warm(): Promise<void> {
    this.giveBack(await this.take());
  }

  /**
   * Returns a trainer that has loaded, so that a later exit is the job's fault.
   * @throws {NoTrainerError}
   */
  async take(): Promise<TrainerProcess> {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (await idle.answers()) return idle;
    }
    for (let tries = 1; ; tries++) {
      const started = await this.#start();
      if (started instanceof TrainerProcess) return started;
      this.#log.error({ reason: started.how, tries }, 'a trainer does not start');
      if (tries === START_TRIES) throw new NoTrainerError(`The trainer does not start: ${started.how}`);
      await sleep(tries * START_PAUSE_MS);
    }
  }

  /** Only for a trainer whose job ended cleanly and left little behind; any other is killed instead. */
  giveBack(trainer: TrainerProcess): void {
    if (this.#closed) trainer.kill();
    else this.#idle.push(trainer);
  }

  /** Kills the idle trainers, and later each one that is given back. */
  close(): void {
    this.#closed = true;
    for (const trainer of this.#idle) trainer.kill();
  }

  async #start(): Promise<TrainerProcess | Exit> {
    try {
      const trainer = new TrainerProcess(this.#log, this.#silenceMs);
      const first = await trainer.next();
      return first.type === 'exited' ? first : trainer;
    } catch (error) {
      return { type: 'exited', how: error instanceof Error ? error.message : String(error), signal: null };
    }
  }
}
