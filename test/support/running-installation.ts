import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Job, JobSchema } from '../../src/contract/job.ts';
import { type JobEvent, JobEventSchema } from '../../src/contract/job-event.ts';
import { type ChildMessage, ChildMessageSchema } from '../../src/process/child-message.ts';
import { readEventStream } from './event-stream.ts';
import { descendantsOf, type ProcessEntry, signalAll } from './processes.ts';

const ENTRIES = { api: 'src/server.js', worker: 'workers/main.js' };

/** A process of the installation under test, real and killable. */
export class Started {
  readonly process: ChildProcess;
  /** URL of an API that is ready. */
  url = '';
  /** Whether the test stopped it; if not, it ended by itself. */
  endedByUs = false;
  readonly ended: Promise<number | NodeJS.Signals | null>;

  constructor(child: ChildProcess) {
    this.process = child;
    this.ended = new Promise((resolve) => child.once('close', (code, signal) => resolve(signal ?? code)));
  }

  get pid(): number {
    return this.process.pid!;
  }

  get alive(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Kills it with all its descendants at once, and waits until it is gone. */
  async killTree(): Promise<void> {
    const below = descendantsOf(this.pid);
    this.endedByUs = true;
    this.process.kill('SIGKILL');
    signalAll(below, 'SIGKILL');
    await this.ended;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals | null> {
    this.endedByUs = true;
    this.process.kill(signal);
    return await this.ended;
  }
}

export interface InstallationOptions {
  workers?: number;
  /** Jobs a worker trains at a time. */
  concurrency?: number;
  leaseMs?: number;
  /** URL of a shared Redis; otherwise the installation has its own, with AOF, which a test may kill. */
  redisUrl?: string;
  env?: Record<string, string>;
  /** The folder of the compiled program; by default dist. */
  program?: string;
  /** Where API, workers and Redis write their log; otherwise only fatal lines are shown. */
  log?: { file: string; level: string };
  /** If true, a terminal's Ctrl-C does not reach its processes. */
  detached?: boolean;
}

/** The first of these programs on the PATH, or undefined. */
export const findRedisBinary = (): string | undefined =>
  ['valkey-server', 'redis-server'].find((name) => spawnSync(name, ['--version']).error === undefined);

/** API, workers and Redis as a user runs them: real processes with their own folder. */
export class RunningInstallation {
  url = '';
  /** The folder of the compiled program that is started next. */
  program: string;
  #closed = false;
  readonly #env: Record<string, string>;
  readonly #folder = mkdtempSync(join(tmpdir(), 'descent-e2e-'));
  readonly #started: Started[] = [];
  readonly #log: number | undefined;
  readonly #detached: boolean;
  #port = 0;
  /** The API process that was started last. */
  apiPid = 0;
  /** The Redis of its own, if it has one. */
  redis: Started | undefined;

  protected constructor({
    redisUrl,
    leaseMs,
    concurrency,
    env,
    log,
    detached,
    program,
  }: InstallationOptions) {
    this.program = program ?? 'dist';
    this.#detached = detached === true;
    this.#log = log && openSync(log.file, 'a');
    this.#env = {
      PATH: process.env.PATH ?? '',
      REDIS_URL: redisUrl ?? `unix:${this.redisSocket}`,
      KEY_PREFIX: `e2e-${randomUUID()}`,
      DATA_DIR: this.#folder,
      WORKER_CONCURRENCY: String(concurrency ?? 1),
      LEASE_MS: String(leaseMs ?? 15_000),
      LOG_LEVEL: log?.level ?? 'fatal',
      ...env,
    };
  }

  protected async open({ redisUrl, workers = 1 }: InstallationOptions): Promise<void> {
    if (redisUrl === undefined) await this.startRedis();
    await this.startApi();
    await Promise.all(Array.from({ length: workers }, () => this.startWorker()));
  }

  /** URL for requests. @throws once the installation has ended, so that no caller polls forever. */
  get address(): string {
    if (this.#closed) throw new Error('the installation is closed');
    return this.url;
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

  /** The socket of its own Redis. */
  get redisSocket(): string {
    return join(this.#folder, 'redis.sock');
  }

  get started(): readonly Started[] {
    return this.#started;
  }

  /** After a restart, it has the same address. */
  async startApi(env: Record<string, string> = {}): Promise<Started> {
    const started = await this.#fork('api', { PORT: String(this.#port), ...env });
    this.url = started.url;
    this.#port = Number(new URL(this.url).port);
    this.apiPid = started.pid;
    return started;
  }

  /** Starts another API; requests go to it from now on. */
  async startAnotherApi(env: Record<string, string> = {}): Promise<Started> {
    this.#port = 0;
    return await this.startApi(env);
  }

  async startWorker(env: Record<string, string> = {}): Promise<Started> {
    return await this.#fork('worker', env);
  }

  /** @param folder where Redis keeps its append-only file */
  async startRedis(env: Record<string, string> = {}, folder = this.#folder): Promise<Started> {
    const binary = findRedisBinary();
    if (binary === undefined) throw new Error('there is no valkey-server or redis-server on the PATH');
    const args = ['--port', '0', '--unixsocket', this.redisSocket, '--dir', folder];
    const server = spawn(binary, [...args, '--appendonly', 'yes', '--save', ''], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', this.#log ?? 'inherit'],
      detached: this.#detached,
    });
    const started = this.#keep(new Started(server));
    this.redis = started;
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: server.stdout! }).on('line', (line) => {
        if (/ready to accept connections/i.test(line)) resolve();
      });
      void started.ended.then((how) => reject(new Error(`Redis ended with ${how} before it was ready`)));
    });
    return started;
  }

  async #fork(entry: keyof typeof ENTRIES, env: Record<string, string>): Promise<Started> {
    const output = this.#log ?? 'inherit';
    const child = fork(join(this.program, ENTRIES[entry]), [], {
      env: { ...this.#env, ...env },
      execArgv: [],
      detached: this.#detached,
      stdio: ['ignore', output, output, 'ipc'],
    });
    const started = this.#keep(new Started(child));
    const ready = await new Promise<Extract<ChildMessage, { type: 'ready' }>>((resolve, reject) => {
      child.on('message', (message) => {
        const parsed = ChildMessageSchema.parse(message);
        if (parsed.type === 'ready') resolve(parsed);
      });
      void started.ended.then((how) => reject(new Error(`${entry} ended with ${how} before it was ready`)));
    });
    started.url = ready.url ?? '';
    return started;
  }

  #keep(started: Started): Started {
    this.#started.push(started);
    return started;
  }

  /** For a process that must exit now: leaves nothing behind and does not wait. */
  kill(): void {
    signalAll(
      this.#started.filter(({ alive }) => alive),
      'SIGKILL',
    );
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async close(): Promise<void> {
    this.#closed = true;
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

  trainers(): ProcessEntry[] {
    return this.#started
      .flatMap(({ pid }) => descendantsOf(pid))
      .filter(({ command }) => command.includes('trainer.bundle.js'));
  }

  /** Kills every trainer; returns how many there were. */
  killTrainers(): number {
    return signalAll(this.trainers(), 'SIGKILL');
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return await fetch(`${this.address}${path}`, init);
  }

  /** Trains in any case, unless the spec says otherwise. */
  async post(spec: object, headers: Record<string, string> = {}): Promise<Response> {
    return await this.fetch('/jobs', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ cache: false, ...spec }),
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
    const events: JobEvent[] = [];
    for (;;) {
      const after = events.at(-1)?.seq ?? 0;
      const response = await this.fetch(`/jobs/${id}/events?limit=1000&after=${after}`);
      const { data, has_more } = (await response.json()) as { data: unknown[]; has_more: boolean };
      events.push(...data.map((event) => JobEventSchema.parse(event)));
      if (!has_more) return events;
    }
  }

  /** The live stream, from the first event to the terminal one; reconnects after a broken connection. */
  watch(id: string): AsyncGenerator<JobEvent> {
    return readEventStream(() => `${this.address}/jobs/${id}/events`);
  }

  /** Watches until an event of this type, and returns it. */
  async until(id: string, type: JobEvent['type']): Promise<JobEvent> {
    for await (const event of this.watch(id)) if (event.type === type) return event;
    throw new Error(`the job ended without ${type}`);
  }

  /** Watches to the end; returns all events. */
  async toEnd(id: string): Promise<JobEvent[]> {
    const events: JobEvent[] = [];
    for await (const event of this.watch(id)) events.push(event);
    return events;
  }
}
