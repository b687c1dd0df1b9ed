import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

let made = 0;

/** A control group whose processes together may use this much memory; the kernel kills the largest beyond it. */
export class MemoryGroup {
  readonly #folder: string;
  /** The environment that makes a Node process enter the group before its program starts. */
  readonly env: Record<string, string>;

  static missing(): string | undefined {
    try {
      rmdirSync(new MemoryGroup(2 ** 28).#folder);
      return undefined;
    } catch (error) {
      return `${error instanceof Error ? error.message : error} Only root may make control groups, and not in every container.`;
    }
  }

  /** @throws when this user or this machine cannot make one. */
  constructor(bytes: number) {
    const groups = readFileSync('/proc/self/cgroup', 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
    const v1 = groups.find(([, controllers]) => controllers?.split(',').includes('memory'))?.[2];
    // In version 2 a group with processes cannot have limited groups below it, so it must be one below the root.
    const parent = v1 === undefined ? '/sys/fs/cgroup' : join('/sys/fs/cgroup/memory', v1);
    this.#folder = join(parent, `descent-test-${process.pid}-${++made}`);
    mkdirSync(this.#folder);
    try {
      writeFileSync(
        join(this.#folder, v1 === undefined ? 'memory.max' : 'memory.limit_in_bytes'),
        `${bytes}`,
      );
    } catch (error) {
      rmdirSync(this.#folder);
      throw error;
    }
    const enter = `import{writeFileSync}from'node:fs';writeFileSync(${JSON.stringify(join(this.#folder, 'cgroup.procs'))},String(process.pid))`;
    this.env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(enter)}` };
  }

  /** Removes the group, once its killed processes are gone. */
  async close(): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      try {
        return rmdirSync(this.#folder);
      } catch {
        await sleep(50);
      }
    }
  }
}
