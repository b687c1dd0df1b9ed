import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { z } from 'zod';
import { JobSchema } from '../src/contract/job.ts';
import { JobEventSchema } from '../src/contract/job-event.ts';

/** Runs `npm start` in its own folder, as a user would, for the measurements here. */
export class RunningDescent {
  readonly url: string;
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly #folder: string;

  private constructor(process: ChildProcess, url: string, folder: string) {
    this.#process = process;
    this.pid = process.pid!;
    this.url = url;
    this.#folder = folder;
  }

  static async start(env: Record<string, string> = {}): Promise<RunningDescent> {
    const folder = mkdtempSync(join(tmpdir(), 'descent-bench-'));
    const child = spawn(process.execPath, ['dist/src/main.js'], {
      env: { PATH: process.env.PATH, HOME: folder, DATA_DIR: folder, PORT: '0', LOG_LEVEL: 'fatal', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    // Also when a measurement fails.
    process.once('exit', () => child.kill());
    const url = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout! }).on('line', (line) => {
        const found = /API +(http:\S+)/.exec(line);
        if (found !== null) resolve(found[1]);
      });
      child.once('close', (code) => reject(new Error(`Descent ended with ${code}`)));
    });
    return new RunningDescent(child, url, folder);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('close', resolve));
    this.#process.kill('SIGTERM');
    await ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Trains in any case, unless the spec says otherwise. */
  async create(spec: object): Promise<string> {
    const response = await fetch(`${this.url}/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ cache: false, ...spec }),
    });
    return JobSchema.parse(await response.json()).id;
  }

  async job(id: string): Promise<z.output<typeof JobSchema>> {
    return JobSchema.parse(await (await fetch(`${this.url}/jobs/${id}`)).json());
  }

  async cancel(id: string): Promise<void> {
    await fetch(`${this.url}/jobs/${id}/cancel`, { method: 'POST' });
    for await (const _ of this.watch(id));
  }

  /** A job's events as they happen, until the last. */
  async *watch(id: string): AsyncGenerator<z.output<typeof JobEventSchema>> {
    const response = await fetch(`${this.url}/jobs/${id}/events`, {
      headers: { accept: 'text/event-stream' },
    });
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of response.body!) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const messages = text.split('\n\n');
      text = messages.pop()!;
      for (const message of messages) {
        const data = /^data: (.*)$/m.exec(message)?.[1];
        // Logged steps have no id.
        if (data !== undefined && /^id: /m.test(message)) yield JobEventSchema.parse(JSON.parse(data));
      }
    }
  }

  /** Current and peak resident memory of the processes below `npm start`, with the program that each one runs. */
  memory(): { what: string; pid: number; nowMb: number; peakMb: number }[] {
    const table = execFileSync('ps', ['-eo', 'pid=,ppid=,args='], { encoding: 'utf8' });
    const all = [...table.matchAll(/^ *(\d+) +(\d+) +(.*)$/gm)].map(([, pid, parent, args]) => ({
      pid: Number(pid),
      parent: Number(parent),
      what: /(\S+?)(\.js)?( |$)/
        .exec(args!.replace(/^\S*node (--\S+ )*/, ''))![1]
        .split('/')
        .slice(-2)
        .join('/'),
    }));
    const below = new Set([this.pid]);
    for (const { pid, parent } of all.sort((a, b) => a.pid - b.pid)) if (below.has(parent)) below.add(pid);
    return all
      .filter(({ pid }) => below.has(pid))
      .map(({ pid, what }) => {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        const mb = (field: string) =>
          Math.round(Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
        return { what, pid, nowMb: mb('VmRSS'), peakMb: mb('VmHWM') };
      });
  }
}

export const machine = (): string =>
  `${cpus().length} x ${cpus()[0].model}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
