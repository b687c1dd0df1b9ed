import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Job } from '../../src/contract/job.ts';
import type { ProcessEntry } from '../support/processes.ts';
import type { Started } from '../support/running-installation.ts';
import type { Site } from './site.ts';

/** What workers and their trainers are doing: a fault counts only if it strikes a busy process. */

/** A trainer that computes uses at least this many ticks of 10 ms in LOOK_MS, even on a busy machine. */
const LEAST_TICKS = 4;
const LOOK_MS = 400;

/** Returns the trainers that compute, that is, use the processor rather than wait. Takes 0.4 s. */
export async function computing(trainers: readonly ProcessEntry[]): Promise<ProcessEntry[]> {
  const before = trainers.map(({ pid }) => ticksOf(pid));
  await sleep(LOOK_MS);
  return trainers.filter(({ pid }, i) => ticksOf(pid) - before[i] >= LEAST_TICKS);
}

/** The jobs whose running attempt is this worker's according to the record, even if it was struck a moment ago. */
export async function heldBy(site: Site, { pid }: Started): Promise<Job[]> {
  const live = await site.commands.smembers(site.keys.live);
  const jobs = await Promise.all(live.map((id) => site.client.job(id)));
  return jobs
    .filter((job) => job !== undefined)
    .filter(({ attempts }) => {
      const last = attempts.at(-1);
      return last?.ended_at === null && last.worker.endsWith(`/${pid}`);
    });
}

/** Waits until one of these workers holds a running job, and returns it. */
export async function firstThatHolds(site: Site, workers: readonly Started[]): Promise<Started> {
  let found: Started | undefined;
  await site.eventually('no worker holds a job', 30_000, async () => {
    for (const worker of workers) {
      if ((await heldBy(site, worker)).length === 0) continue;
      found = worker;
      return true;
    }
    return false;
  });
  return found!;
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
