import { type ChildProcess, fork, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { inject, onTestFinished } from 'vitest';
import { type ChildMessage, ChildMessageSchema } from '../../src/child-message.ts';
import { type Job, JobSchema } from '../../src/contract/job.ts';
import { type JobEvent, JobEventSchema } from '../../src/contract/job-event.ts';
import { descendantsOf } from '../started-program.ts';
import { readEventStream } from './event-stream.ts';

const ENTRIES = { api: 'src/server.js', worker: 'workers/main.js' };

/** A process of the installation under test, real and killable. */
export class Started {
  readonly process: ChildProcess;
  readonly ended: Promise<number | NodeJS.Signals | null>;

  constructor(child: ChildProcess) {
    this.process = child;
    this.ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code)));
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** Kills it with all its descendants at once, and waits until it is gone. */
  async killTree(): Promise<void> {
    const below = descendantsOf(this.pid);
    this.process.kill('SIGKILL');
    for (const { pid } of below) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Its watchdog was quicker.
      }
    }
    await this.ended;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals | null> {
    this.process.kill(signal);
    return await this.ended;
  }
}

export interface InstallationOptions {
  workers?: number;
  /** Jobs a worker trains at a time. */
  concurrency?: number;
  leaseMs?: number;
  /** A Redis of its own, with AOF, that the test may kill. */
  ownRedis?: boolean;
  env?: Record<string, string>;
  /** The folder of the compiled program; by default dist, as the build made it. */
  program?: string;
}

/** API, workers and Redis as a user would run them, for one test. */
export class Installation {
  url = '';
  readonly #env: Record<string, string>;
  readonly #program: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'descent-e2e-'));
  readonly #started: Started[] = [];
  #port = 0;
  /** The API process that was started last. */
  apiPid = 0;
  /** The Redis of its own, if it has one. */
  redis: Started | undefined;

  private constructor(
    redisUrl: string | undefined,
    { leaseMs, concurrency, env, program }: InstallationOptions,
  ) {
    this.#program = program ?? 'dist';
    this.#env = {
      PATH: process.env.PATH ?? '',
      REDIS_URL: redisUrl ?? `unix:${this.#folder}/redis.sock`,
      KEY_PREFIX: `e2e-${randomUUID()}`,
      DATA_DIR: this.#folder,
      WORKER_CONCURRENCY: String(concurrency ?? 1),
      LEASE_MS: String(leaseMs ?? 15_000),
      LOG_LEVEL: 'fatal',
      ...env,
    };
  }

  /** Starts it, and stops it when the test is done. */
  static async start(options: InstallationOptions = {}): Promise<Installation> {
    const installation = new Installation(
      options.ownRedis === true ? undefined : inject('redisUrl'),
      options,
    );
    onTestFinished(() => installation.#close());
    if (options.ownRedis === true) await installation.startRedis();
    await installation.startApi();
    await Promise.all(Array.from({ length: options.workers ?? 1 }, () => installation.startWorker()));
    return installation;
  }

  get dataDir(): string {
    return this.#folder;
  }

  get keyPrefix(): string {
    return this.#env.KEY_PREFIX!;
  }

  get redisUrl(): string {
    return this.#env.REDIS_URL!;
  }

  async startApi(): Promise<Started> {
    // Started again, it has the address that its clients know.
    const { started, ready } = await this.#fork('api', { PORT: String(this.#port) });
    this.url = ready.url!;
    this.#port = Number(new URL(this.url).port);
    this.apiPid = started.pid;
    return started;
  }

  /** Beside the first; requests go to this one from now on. */
  async startAnotherApi(): Promise<Started> {
    this.#port = 0;
    return await this.startApi();
  }

  async startWorker(env: Record<string, string> = {}): Promise<Started> {
    return (await this.#fork('worker', env)).started;
  }

  async startRedis(): Promise<Started> {
    const args = ['--port', '0', '--unixsocket', join(this.#folder, 'redis.sock'), '--dir', this.#folder];
    const server = spawn(inject('redisBinary')!, [...args, '--appendonly', 'yes', '--save', ''], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const started = this.#keep(server);
    this.redis = started;
    await new Promise<void>((resolve) => {
      createInterface({ input: server.stdout }).on('line', (line) => {
        if (/ready to accept connections/i.test(line)) resolve();
      });
    });
    return started;
  }

  async #fork(entry: keyof typeof ENTRIES, env: Record<string, string>) {
    const child = fork(join(this.#program, ENTRIES[entry]), [], {
      env: { ...this.#env, ...env },
      execArgv: [],
      stdio: 'inherit',
    });
    const started = this.#keep(child);
    const ready = await new Promise<Extract<ChildMessage, { type: 'ready' }>>((resolve, reject) => {
      child.on('message', (message) => {
        const parsed = ChildMessageSchema.parse(message);
        if (parsed.type === 'ready') resolve(parsed);
      });
      void started.ended.then((how) => reject(new Error(`${entry} ended with ${how} before it was ready`)));
    });
    return { started, ready };
  }

  #keep(child: ChildProcess): Started {
    const started = new Started(child);
    this.#started.push(started);
    return started;
  }

  async #close(): Promise<void> {
    await Promise.all(this.#started.map((started) => started.killTree()));
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  startedWith(pid: number): Started {
    const started = this.#started.find((candidate) => candidate.pid === pid);
    if (started === undefined) throw new Error(`no process ${pid} was started here`);
    return started;
  }

  /** The worker of a job's last attempt. */
  workerOf({ attempts }: Job): Started {
    return this.startedWith(Number(attempts.at(-1)!.worker.split('/').at(-1)));
  }

  /** The process ids of the trainers that there are. */
  trainers(): number[] {
    return this.#started
      .flatMap(({ pid }) => descendantsOf(pid))
      .filter(({ command }) => command.includes('trainer.bundle.js'))
      .map(({ pid }) => pid);
  }

  /** Kills every trainer; gives how many there were. */
  killTrainers(): number {
    const trainers = this.trainers();
    for (const pid of trainers) process.kill(pid, 'SIGKILL');
    return trainers.length;
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return await fetch(`${this.url}${path}`, init);
  }

  async post(spec: object, headers: Record<string, string> = {}): Promise<Response> {
    return await this.fetch('/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(spec),
    });
  }

  /** Creates a job; anything but 202 is an error. */
  async create(spec: object): Promise<Job> {
    const response = await this.post(spec);
    if (response.status !== 202) throw new Error(`${response.status}: ${await response.text()}`);
    return JobSchema.parse(await response.json());
  }

  async job(id: string): Promise<Job> {
    return JobSchema.parse(await (await this.fetch(`/jobs/${id}`)).json());
  }

  async cancel(id: string): Promise<Response> {
    return await this.fetch(`/jobs/${id}/cancel`, { method: 'POST' });
  }

  /** All events so far. */
  async events(id: string): Promise<JobEvent[]> {
    const list = (await (await this.fetch(`/jobs/${id}/events?limit=1000`)).json()) as { data: unknown[] };
    return list.data.map((event) => JobEventSchema.parse(event));
  }

  /** The live stream, from the first event to the terminal one; goes on after a broken connection. */
  watch(id: string): AsyncGenerator<JobEvent> {
    return readEventStream(() => `${this.url}/jobs/${id}/events`);
  }

  /** Watches until an event of this type, and gives it. */
  async until(id: string, type: JobEvent['type']): Promise<JobEvent> {
    for await (const event of this.watch(id)) if (event.type === type) return event;
    throw new Error(`the job ended without ${type}`);
  }

  /** Watches to the end; gives all events. */
  async toEnd(id: string): Promise<JobEvent[]> {
    const events: JobEvent[] = [];
    for await (const event of this.watch(id)) events.push(event);
    return events;
  }
}
