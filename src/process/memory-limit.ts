import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * The memory that the kernel allows this process, and how often it killed a process for exceeding it. Both come from
 * the control group (cgroup), of version 2 or 1.
 */

interface Files {
  /** Folder of the memory controller. */
  readonly root: string;
  readonly limit: string;
  /** Has a line `oom_kill <number>`. */
  readonly kills: string;
}

const V2: Files = { root: '', limit: 'memory.max', kills: 'memory.events' };
const V1: Files = { root: 'memory', limit: 'memory.limit_in_bytes', kills: 'memory.oom_control' };

export class MemoryLimit {
  /** From our own group to the outermost that we can see: each may have a limit. */
  readonly #folders: readonly string[];
  readonly #files: Files;

  private constructor(folders: readonly string[], files: Files) {
    this.#folders = folders;
    this.#files = files;
  }

  /**
   * @param mount where the control groups are
   * @param self the file that names the groups of this process
   */
  static find(mount = '/sys/fs/cgroup', self = '/proc/self/cgroup'): MemoryLimit {
    const groups = (read(self) ?? '').split('\n').map((line) => line.split(':'));
    const v1 = groups.find(([, controllers]) => controllers?.split(',').includes('memory'));
    const [files, path = '/'] = v1 === undefined ? [V2, groups.find(([id]) => id === '0')?.[2]] : [V1, v1[2]];
    const root = join(mount, files.root);
    const folders = [root];
    // In a container, the path may be that of the host, while the mount begins at the container's group.
    for (let group = path; group !== '/' && group !== '.'; group = dirname(group))
      folders.push(join(root, group));
    return new MemoryLimit(
      [...folders.slice(1), root].filter((folder) => read(join(folder, files.kills)) !== undefined),
      files,
    );
  }

  /** Bytes that this process and its neighbours in the group may use: the least limit, or the machine's memory. */
  bytes(): number {
    const limits = this.#folders.map((folder) => Number(read(join(folder, this.#files.limit))));
    // `max` is no number; version 1 has a huge one.
    return Math.min(totalmem(), ...limits.filter((limit) => limit > 0));
  }

  /** How many processes of our group the kernel has killed for want of memory; undefined if it does not say. */
  kills(): number | undefined {
    const [own] = this.#folders;
    const found =
      own === undefined ? undefined : /^oom_kill (\d+)$/m.exec(read(join(own, this.#files.kills)) ?? '');
    return found?.[1] === undefined ? undefined : Number(found[1]);
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** The rest is for the worker, and for what trainers keep of their last job. */
const SHARE_OF_TRAINERS = 2 / 3;
const LEAST_BYTES = 512 * 1024 * 1024;

/**
 * Megabytes that a job may take if the operator does not say: an equal share for each. Most jobs need much less, so
 * many slots on a small machine do not lower it below 512 MB.
 */
export function memoryPerJobMb(bytes: number, concurrency: number): number {
  const room = bytes * SHARE_OF_TRAINERS;
  return Math.floor(Math.max(room / concurrency, Math.min(room, LEAST_BYTES)) / 1024 / 1024);
}
