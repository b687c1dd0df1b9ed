import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The processes of this machine, for tests that must leave none of theirs behind. */

export interface ProcessEntry {
  pid: number;
  parentPid: number;
  command: string;
}

/** All living processes below this one, at any depth. */
export function descendantsOf(pid: number): ProcessEntry[] {
  const all = listProcesses();
  const found: ProcessEntry[] = [];
  for (let parents = [pid]; parents.length > 0; ) {
    const children = all.filter((entry) => parents.includes(entry.parentPid));
    found.push(...children);
    parents = children.map((entry) => entry.pid);
  }
  return found;
}

/** Signals these processes; returns how many still existed. */
export function signalAll(processes: readonly { pid: number }[], signal: NodeJS.Signals): number {
  const reached = processes.filter(({ pid }) => {
    try {
      return process.kill(pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
      throw error;
    }
  });
  return reached.length;
}

/** Those of these processes that still live. */
export function stillAlive(entries: readonly ProcessEntry[]): ProcessEntry[] {
  const alive = new Map(listProcesses().map((entry) => [entry.pid, entry.command]));
  return entries.filter((entry) => alive.get(entry.pid) === entry.command);
}

export function listProcesses(): ProcessEntry[] {
  const table = execFileSync('ps', ['-eo', 'pid=,ppid=,stat=,args='], { encoding: 'utf8' });
  return table.split('\n').flatMap((row) => {
    const [, pid, parentPid, state, command] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(row) ?? [];
    // A zombie has ended, even if its parent has not noticed.
    if (pid === undefined || state!.startsWith('Z')) return [];
    return [{ pid: Number(pid), parentPid: Number(parentPid), command: command! }];
  });
}

/** The resident memory of a process, in bytes. */
export const residentBytes = (pid: number): number =>
  1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]);
