import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { inject, onTestFinished } from 'vitest';
import { waitUntilRedisAnswers } from '../../src/start/redis-socket.ts';

/** A real Redis of a test's own, which may stop, freeze and restart it, or start it with other settings. */
export class RedisServer {
  readonly folder = mkdtempSync(join(tmpdir(), 'descent-redis-'));
  readonly socket = join(this.folder, 'r.sock');
  /** URL of its socket, as the default user. */
  readonly url = `unix:${this.socket}`;
  #port: number | undefined;
  #settings: readonly string[];
  #process: ChildProcess | undefined;

  /** @param settings lines of redis.conf; it writes no snapshots. */
  constructor(settings: readonly string[] = []) {
    this.#settings = settings;
  }

  /** Its TCP port on the loopback. */
  get port(): number {
    return this.#port!;
  }

  /** URL of the same server over TCP, where a user can log in. */
  urlAs(user: string, password: string): string {
    return `redis://${user}:${password}@127.0.0.1:${this.port}`;
  }

  /** @param settings replace those of its last start. */
  async start(settings = this.#settings): Promise<void> {
    this.#settings = settings;
    this.#port ??= await freePort();
    const child = spawn(inject('redisBinary')!, ['-'], {
      cwd: this.folder,
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    this.#process = child;
    const place = [`port ${this.port}`, 'bind 127.0.0.1', `unixsocket ${this.socket}`, 'save ""'];
    child.stdin!.end([...place, ...settings].join('\n'));
    await waitUntilRedisAnswers(this.socket, () => {});
  }

  async restart(settings = this.#settings): Promise<void> {
    await this.kill();
    await this.start(settings);
  }

  /** Does nothing when it has ended. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Keeps its connections open and answers nothing. */
  freeze(): void {
    this.#process!.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process!.kill('SIGCONT');
  }

  /** A connection of the default user, closed after the test. */
  admin(): Redis {
    const redis = new Redis({ path: this.socket });
    redis.on('error', () => {});
    onTestFinished(() => redis.disconnect());
    return redis;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Starts a Redis with these settings, which is gone after the test. */
export async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  const server = new RedisServer(settings);
  onTestFinished(() => server.remove());
  await server.start();
  return server;
}

/** A loopback port where nothing listens. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
