import { type Signal, signal } from '@preact/signals';
import { DescentError, type Job, type JobEvent, type MetricsRow } from '../../../src/client/descent.ts';
import { listen } from './feed.ts';
import { AGAIN_MS, descent, isPassing } from './server.ts';

/** The jobs that the page knows, kept up to date by the feed: each is one signal, wherever it is shown. */

export type Known = Job | 'unknown' | 'gone';

const jobs = new Map<string, Signal<Known>>();
const progresses = new Map<string, Signal<Job['progress']>>();
const histories = new Map<string, Signal<readonly MetricsRow[]>>();

/** How many jobs are remembered that nothing shows. */
const MOST_REMEMBERED = 20_000;

function signalOf(id: string): Signal<Known> {
  let found = jobs.get(id);
  if (found === undefined) {
    if (jobs.size >= MOST_REMEMBERED) {
      jobs.clear();
      progresses.clear();
    }
    found = signal<Known>('unknown');
    jobs.set(id, found);
  }
  return found;
}

export function remember(job: Job): void {
  signalOf(job.id).value = job;
  const progress = progresses.get(job.id);
  if (progress !== undefined) progress.value = job.progress;
}

/**
 * How far the job is now. It has a signal of its own: it changes several times a second while nothing else does,
 * and what shows no progress is not to be drawn again for it.
 */
export const progressOf = (job: Job): Job['progress'] => progressSignalOf(job).value;

function progressSignalOf(job: Job): Signal<Job['progress']> {
  let found = progresses.get(job.id);
  if (found === undefined) {
    found = signal(job.progress);
    progresses.set(job.id, found);
  }
  return found;
}

/** The job, read if it is unknown. */
export function jobOf(id: string): Signal<Known> {
  const found = signalOf(id);
  if (found.peek() === 'unknown') void refresh(id);
  return found;
}

/** Whether events are to come, as far as the page knows. */
export const hasLiveJobs = (): boolean =>
  [...jobs.values()].some((job) => {
    const known = job.peek();
    return typeof known === 'object' && !known.terminal;
  });

/**
 * Reads a job again. What happens meanwhile is applied to it by the next event.
 * @returns why it could not be read
 */
export async function refresh(id: string): Promise<unknown> {
  try {
    remember(await descent.jobs.get(id));
    return undefined;
  } catch (error) {
    if (error instanceof DescentError && error.code === 'job_not_found') signalOf(id).value = 'gone';
    return error;
  }
}

export function forget(id: string): void {
  signalOf(id).value = 'gone';
  progresses.delete(id);
  histories.delete(id);
}

/** The rows of a job so far, in the order of their epochs. They are read at the first call, and grow while it trains. */
export function historyOf(id: string): Signal<readonly MetricsRow[]> {
  let rows = histories.get(id);
  if (rows === undefined) {
    rows = signal<readonly MetricsRow[]>([]);
    histories.set(id, rows);
    readers.push(id);
    void readHistories();
  }
  return rows;
}

/** Histories that wait to be read, the last asked for first: what is on the screen now. */
const readers: string[] = [];
const MOST_READERS = 4;
let reading = 0;

async function readHistories(): Promise<void> {
  if (reading >= MOST_READERS) return;
  reading += 1;
  for (let id = readers.pop(); id !== undefined; id = readers.pop()) await readHistory(id);
  reading -= 1;
}

async function readHistory(id: string): Promise<void> {
  try {
    const { data } = await descent.jobs.metrics(id);
    add(id, data);
  } catch (error) {
    if (!isPassing(error)) return;
    setTimeout(() => {
      readers.push(id);
      void readHistories();
    }, AGAIN_MS);
  }
}

/** Rows have the places that their epochs say: an attempt that begins again repeats some. */
function add(id: string, added: readonly MetricsRow[]): void {
  const rows = histories.get(id);
  if (rows === undefined || added.length === 0) return;
  const byEpoch = new Map([...rows.peek(), ...added].map((row) => [row.epoch, row]));
  rows.value = [...byEpoch.values()].sort((a, b) => a.epoch - b.epoch);
}

function apply(id: string, event: JobEvent): void {
  const known = jobs.get(id);
  const job = known?.peek();
  if (known === undefined || typeof job !== 'object') return;
  if (event.type === 'job.progress') {
    progressSignalOf(job).value = event.data;
    return;
  }
  if (event.type === 'job.epoch') add(id, [{ ...event.data, seq: event.seq, created_at: event.created_at }]);
  refreshSoon(id);
  // It has a verdict now.
  if (event.type === 'job.succeeded' && job.verifies !== null) refreshSoon(job.verifies.job);
}

const soon = new Set<string>();

/** Several events of a job that come together need one answer. It may have had its last: so until it is read. */
function refreshSoon(id: string, afterMs = 100): void {
  if (soon.has(id)) return;
  soon.add(id);
  setTimeout(async () => {
    soon.delete(id);
    if (isPassing(await refresh(id))) refreshSoon(id, AGAIN_MS);
  }, afterMs);
}

listen({
  onEvent: ({ job, event }) => apply(job, event),
  onGap: () => {
    for (const [id, known] of jobs) {
      const job = known.peek();
      if (typeof job !== 'object' || job.terminal) continue;
      refreshSoon(id);
      if (histories.has(id)) readers.push(id);
    }
    void readHistories();
  },
});
