import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessEntry } from '../processes.ts';

/** A trainer that computes has at least so many ticks of 10 ms after LOOK_MS, even behind others. */
const LEAST_TICKS = 4;
const LOOK_MS = 400;

/** Which of these compute: use the processor, and not just wait. Takes 0.4 s. */
export async function computing(trainers: readonly ProcessEntry[]): Promise<ProcessEntry[]> {
  const before = trainers.map(({ pid }) => ticksOf(pid));
  await sleep(LOOK_MS);
  return trainers.filter(({ pid }, i) => ticksOf(pid) - before[i]! >= LEAST_TICKS);
}

/** Processor time of a process, in ticks of 10 ms; 0 when it is gone. */
function ticksOf(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return Number(fields[11]) + Number(fields[12]);
  } catch {
    return 0;
  }
}
