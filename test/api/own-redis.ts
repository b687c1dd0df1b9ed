import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A Redis that a test may stop, kill and restart; it loses no acknowledged write. */
export class OwnRedis {
  readonly url: string;
  readonly #binary: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'descent-redis-'));
  #process: ChildProcess | undefined;

  constructor(binary: string) {
    this.#binary = binary;
    this.url = `unix:${join(this.#folder, 'redis.sock')}`;
  }

  async start(): Promise<void> {
    const files = ['--dir', this.#folder, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always'];
    const socket = ['--port', '0', '--unixsocket', this.url.slice('unix:'.length)];
    const child = spawn(this.#binary, [...socket, ...files], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#process = child;
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout! }).on('line', (line) => {
        if (/ready to accept connections/i.test(line)) resolve();
      });
      child.once('error', reject);
    });
  }

  async kill(): Promise<void> {
    const child = this.#process!;
    child.kill('SIGKILL');
    await once(child, 'close');
  }

  /** Keeps its connections open and answers nothing. */
  freeze(): void {
    this.#process!.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process!.kill('SIGCONT');
  }

  async remove(): Promise<void> {
    if (this.#process?.exitCode === null && this.#process.signalCode === null) await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
