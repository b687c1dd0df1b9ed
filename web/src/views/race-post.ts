import { signal } from '@preact/signals';
import { DescentError } from '../../../src/client/descent.ts';
import { remember } from '../api/jobs.ts';
import { descent } from '../api/server.ts';
import { jobsOf, type RacePlan } from './race-plan.ts';

/** Posts the jobs of a race one by one, with patience while the queue or the quota is full. */

export interface Posting {
  race: string;
  posted: number;
  /** Why the next job is not yet posted; posting goes on. */
  waits?: unknown;
  /** Why posting has ended before all were posted. */
  error?: unknown;
}

export const posting = signal<Posting | undefined>(undefined);

const stopped = new Set<string>();

const WAIT_MS = 3_000;
const MOST_WAIT_MS = 30_000;

/** What passes unaided: a full queue or quota, too many requests, no answer. */
const passes = (error: unknown): error is DescentError =>
  error instanceof DescentError &&
  (error.code === 'unreachable' || [429, 502, 503, 504].includes(error.status ?? 0));

export async function post(plan: RacePlan): Promise<boolean> {
  const { race } = plan;
  if (posting.peek()?.race === race && posting.peek()?.error === undefined) return false;
  const isCurrent = () => posting.peek()?.race === race;
  posting.value = { race, posted: 0 };
  for (const { key, spec } of jobsOf(plan)) {
    for (let isPosted = false; !isPosted; ) {
      if (!isCurrent()) return false;
      const { posted } = posting.peek()!;
      try {
        const job = await descent.jobs.create(spec, { idempotencyKey: key });
        remember(job);
        isPosted = true;
        // Somebody cancelled the race while this job was on its way.
        if (stopped.has(race)) remember(await descent.jobs.cancel(job.id));
        if (isCurrent()) posting.value = { race, posted: posted + 1 };
      } catch (error) {
        if (!isCurrent()) return false;
        if (!passes(error)) {
          posting.value = { race, posted, error };
          return false;
        }
        posting.value = { race, posted, waits: error };
        const askedMs = (error.retryAfterSeconds ?? 0) * 1000;
        await new Promise((resolve) =>
          setTimeout(resolve, Math.min(MOST_WAIT_MS, Math.max(WAIT_MS, askedMs))),
        );
      }
    }
  }
  if (!isCurrent()) return false;
  posting.value = undefined;
  return true;
}

export function stopPosting(race: string): void {
  stopped.add(race);
  if (posting.peek()?.race === race) posting.value = undefined;
}
