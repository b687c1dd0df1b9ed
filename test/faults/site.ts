import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseRedisUrl } from '../../src/process/redis-address.ts';
import { connectForWorkers, type Redis } from '../../src/redis/connections.ts';
import { buildKeys, type Keys } from '../../src/store/keys.ts';
import { descendantsOf, listProcesses, type ProcessEntry, signalAll } from '../support/processes.ts';
import {
  type InstallationOptions,
  RunningInstallation,
  type Started,
} from '../support/running-installation.ts';
import { Broken } from './experiment.ts';
import { Client } from './ledger.ts';
import { FaultProxy } from './proxy.ts';

/** All other times are fractions of it. Only the recovery promise is proved with the default of 15 s. */
export const LEASE_MS = 2_000;

/** Log lines about repairs of states that should not occur. */
const COMPLAINTS = ['a live job was not in the queue', '"level":60'];

/** Files that help to explain a broken promise. */
const LOGS = 'reports/faults';
let logs = 0;

/** A second Ctrl-C ends the process in the middle of a trial. */
const open = new Set<Site>();
process.on('exit', () => {
  for (const site of open) site.kill();
});

export interface SiteOptions extends Omit<InstallationOptions, 'redisUrl' | 'log' | 'detached'> {
  /** The API comes first on a busy processor, as where the units or the compose file of this repository start it. */
  workersYield?: boolean;
  /** API and workers reach Redis through our proxies. */
  proxied?: boolean;
  redisEnv?: Record<string, string>;
}

/** An installation with its own Redis, a client with a ledger, and a subscription to all appended events. */
export class Site extends RunningInstallation {
  readonly client: Client;
  readonly keys: Keys;
  readonly redisEnv: Record<string, string>;
  /** In order of start; killed processes stay in the list. */
  readonly workers: Started[] = [];
  readonly apis: Started[] = [];
  readonly #log: string;
  readonly #ledger: string;
  readonly #complaints = new Map<string, number>();
  readonly #workersYield: boolean;
  readonly #listeners = new Set<(job: string) => void>();
  #apiLink: FaultProxy | undefined;
  #workerLink: FaultProxy | undefined;
  #commands: Redis | undefined;
  #subscriber: Redis | undefined;

  private constructor(options: SiteOptions, redisEnv: Record<string, string>, log: string) {
    super({ ...options, log: { file: log, level: 'info' }, detached: true });
    open.add(this);
    this.#workersYield = options.workersYield === true;
    this.#log = log;
    this.#ledger = join(this.dataDir, 'ledger.jsonl');
    this.redisEnv = redisEnv;
    this.keys = buildKeys(this.keyPrefix);
    this.client = new Client(this.#ledger, () => this.address);
  }

  /** Nothing is started yet. */
  static bare(options: SiteOptions = {}): Site {
    mkdirSync(LOGS, { recursive: true });
    const log = join(LOGS, `${process.pid}-${++logs}.log`);
    const site = new Site({ leaseMs: LEASE_MS, ...options }, options.redisEnv ?? {}, log);
    site.#look();
    return site;
  }

  static async start(options: SiteOptions = {}): Promise<Site> {
    const site = Site.bare(options);
    await site.startRedis(site.redisEnv);
    if (options.proxied === true) {
      site.#apiLink = await FaultProxy.open({ path: site.redisSocket });
      site.#workerLink = await FaultProxy.open({ path: site.redisSocket });
    }
    await site.startApi();
    await Promise.all(Array.from({ length: options.workers ?? 1 }, () => site.startWorker()));
    return site;
  }

  override async startApi(env: Record<string, string> = {}): Promise<Started> {
    const api = await super.startApi({ ...linked(this.#apiLink), ...env });
    this.apis.push(api);
    return api;
  }

  override async startWorker(env: Record<string, string> = {}): Promise<Started> {
    const worker = await super.startWorker({ ...linked(this.#workerLink), ...env });
    this.workers.push(worker);
    if (this.#workersYield) yieldToOthers(worker.pid);
    return worker;
  }

  /** The proxies between Redis and the API or the workers. */
  get apiLink(): FaultProxy {
    if (this.#apiLink === undefined) throw new Error('this site has no proxies');
    return this.#apiLink;
  }

  get workerLink(): FaultProxy {
    if (this.#workerLink === undefined) throw new Error('this site has no proxies');
    return this.#workerLink;
  }

  /** A direct connection to Redis, unaffected by faults. */
  get commands(): Redis {
    return this.#commands!;
  }

  get livingWorkers(): Started[] {
    return this.workers.filter(({ alive }) => alive);
  }

  /** Calls `listener` whenever an event is appended to a job's stream. */
  onEvent(listener: (job: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when this many more events have been appended, or after `mostMs`. */
  async afterEvents(count: number, mostMs: number): Promise<void> {
    let left = count;
    let stop = () => {};
    await Promise.race([
      sleep(mostMs),
      new Promise<void>((resolve) => {
        stop = this.onEvent(() => {
          if (--left <= 0) resolve();
        });
      }),
    ]);
    stop();
  }

  /** Waits until the condition is true. @throws {Broken} when it is still false after `withinMs`. */
  async eventually(
    what: string,
    withinMs: number,
    isTrue: () => boolean | Promise<boolean>,
  ): Promise<number> {
    const startedMs = performance.now();
    for (;;) {
      if (await isTrue()) return performance.now() - startedMs;
      if (performance.now() - startedMs > withinMs) throw new Broken(`${what}, after ${withinMs / 1000} s`);
      await sleep(20);
    }
  }

  /** Waits until the API reports that it is ready. */
  async ready(withinMs = 30_000): Promise<number> {
    return await this.eventually('the API is not ready', withinMs, async () => {
      const response = await this.fetch('/readyz?exclude=workers').catch(() => undefined);
      return response?.status === 200;
    });
  }

  /** Waits until every acknowledged job has ended. Reads Redis directly, because the API may be under faults. */
  async allEnded(withinMs: number): Promise<void> {
    const ids = [...this.client.acknowledged.keys()];
    await this.eventually('not every job has ended', withinMs, async () => {
      const live = await this.commands.smismember(this.keys.live, ...ids);
      return live.every((member) => member === 0);
    });
  }

  /** The complaints logged since the last call. */
  newComplaints(): string[] {
    const complaints: string[] = [];
    for (const text of COMPLAINTS) {
      const count = this.logged(text);
      if (count > (this.#complaints.get(text) ?? 0)) complaints.push(text);
      this.#complaints.set(text, count);
    }
    return complaints;
  }

  /** The number of log lines with this text, from all trials. */
  logged(text: string): number {
    return readFileSync(this.#log, 'utf8').split(text).length - 1;
  }

  /** Removes jobs whose 202 never arrived. */
  async removeUnacknowledged(): Promise<void> {
    for (const id of await this.commands.zrange(this.keys.jobs('local'), 0, -1)) {
      if (this.client.acknowledged.has(id)) continue;
      await this.client.cancel(id);
      await this.eventually(`${id} does not end`, 30_000, async () => (await this.client.job(id))!.terminal);
      await this.client.remove(id);
    }
  }

  /** The trainers of this installation, of any parent process. */
  everyTrainer(): ProcessEntry[] {
    return listProcesses().filter(
      ({ command }) => command.includes('/trainer.bundle.js ') && command.includes(this.dataDir),
    );
  }

  trainersOf(worker: Started): ProcessEntry[] {
    return descendantsOf(worker.pid).filter(({ command }) => command.includes('/trainer.bundle.js '));
  }

  /** Keeps the log and the ledger when a promise was broken. */
  override async close(broken = false): Promise<void> {
    open.delete(this);
    if (broken && existsSync(this.#ledger))
      copyFileSync(this.#ledger, this.#log.replace(/log$/, 'ledger.jsonl'));
    if (!broken) rmSync(this.#log, { force: true });
    this.#commands?.disconnect();
    this.#subscriber?.disconnect();
    const orphans = this.everyTrainer();
    await super.close();
    signalAll(orphans, 'SIGKILL');
    await this.#apiLink?.close();
    await this.#workerLink?.close();
  }

  #look(): void {
    this.#commands = connectForWorkers(parseRedisUrl(this.redisUrl), () => {});
    this.#subscriber = connectForWorkers(parseRedisUrl(this.redisUrl), () => {});
    const prefix = this.keys.job('');
    this.#subscriber.on('pmessage', (_pattern: string, channel: string) => {
      const job = channel.slice(prefix.length).split(':')[0];
      for (const listener of this.#listeners) listener(job);
    });
    void this.#subscriber.psubscribe(`${prefix}*:seq`).catch(() => {});
  }
}

/** Nice 6 is a quarter of the weight of others. */
function yieldToOthers(pid: number): void {
  const group = `/proc/${pid}/autogroup`;
  // Processes of different sessions share the processor by session, and not by their own niceness.
  if (existsSync(group)) writeFileSync(group, '6');
}

const linked = (link: FaultProxy | undefined): Record<string, string> =>
  link === undefined ? {} : { REDIS_URL: `redis://127.0.0.1:${link.port}` };
