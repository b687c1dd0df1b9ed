import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** The calls that can fail, as bits. */
export const CALLS = { open: 1, write: 2, fsync: 4, rename: 8 } as const;
/** All calls of an atomic file write. */
export const EVERY_CALL = CALLS.open | CALLS.write | CALLS.fsync | CALLS.rename;

export type DiskFault =
  | { action: 'error'; errno: 'EIO' | 'ENOSPC' }
  | { action: 'short' | 'kill' }
  | { action: 'delay'; ms: number };

const ACTIONS = { error: 1, short: 2, kill: 3, delay: 4 };
const ERRNO = { EIO: 5, ENOSPC: 28 };
/** The source, relative to the project's folder, where `npm` runs. */
const SOURCE = 'test/faults/shim/disk.c';
const INTS = 6;

let library: string | undefined;

/** Compiles the shim once. */
function compile(): string {
  if (library !== undefined) return library;
  mkdirSync('reports/faults', { recursive: true });
  const target = resolve('reports/faults/disk.so');
  const { status, stderr, error } = spawnSync(
    'cc',
    ['-shared', '-fPIC', '-O2', '-o', target, SOURCE, '-ldl'],
    {
      encoding: 'utf8',
    },
  );
  if (status !== 0) throw new Error(`the disk shim does not compile: ${error?.message ?? stderr}`);
  library = target;
  return target;
}

/** The disk of a process and its children, for files whose path contains `path`. */
export class FaultDisk {
  /** The environment to start the process with. */
  readonly env: Record<string, string>;
  readonly #folder: string;
  readonly #control: number;

  static missing(): string | undefined {
    return spawnSync('cc', ['--version']).error === undefined
      ? undefined
      : 'There is no C compiler here: apt-get install build-essential.';
  }

  constructor(path: string) {
    const shim = compile();
    this.#folder = mkdtempSync(join(tmpdir(), 'descent-disk-'));
    const file = join(this.#folder, 'control');
    this.#control = openSync(file, 'w+');
    this.env = { LD_PRELOAD: shim, DISK_CONTROL: file, DISK_PATH: path };
    this.heal();
  }

  /** Makes the nth of these calls from now on fail, or each of them with `every`. */
  arm(calls: number, nth: number | 'every', fault: DiskFault): void {
    const value = fault.action === 'error' ? ERRNO[fault.errno] : fault.action === 'delay' ? fault.ms : 0;
    this.#write([calls, nth === 'every' ? -1 : nth, ACTIONS[fault.action], value, 0, 0]);
  }

  heal(): void {
    this.#write([0, 0, 0, 0, 0, 0]);
  }

  /** The number of calls that failed so far. */
  get fired(): number {
    const bytes = Buffer.alloc(4 * INTS);
    readSync(this.#control, bytes, 0, bytes.length, 0);
    return bytes.readInt32LE(4 * (INTS - 1));
  }

  async close(): Promise<void> {
    closeSync(this.#control);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #write(numbers: number[]): void {
    writeSync(this.#control, Buffer.from(Int32Array.from(numbers).buffer), 0, 4 * INTS, 0);
  }
}
