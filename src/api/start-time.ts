import type { LiveJob, LiveJobs } from '../store/live-jobs.ts';

/**
 * When a new job of the owner would start, in seconds, if each job takes as long as expected and no other comes:
 * plays the queue forward as BullMQ and transitions/queue.lua move it.
 * @param slots jobs that all workers train at a time.
 * @param perOwner how many jobs of an owner may be released at a time.
 * @returns undefined when a job whose time is not known is in the way.
 */
export function startsInSeconds(
  owner: string,
  { running, queued }: LiveJobs,
  { slots, perOwner, priority }: { slots: number; perOwner: number; priority: number },
): number | undefined {
  const [held, released] = [queued.filter((job) => job.held), queued.filter((job) => !job.held)];
  const own = (jobs: readonly LiveJob[]) => jobs.filter((job) => job.owner === owner).length;
  const waits = own(held) > 0 || own(released) + own(running) >= perOwner;
  const job: LiveJob = { owner, priority, held: waits, seconds: 0 };
  const behind = held.findIndex((each) => each.owner === owner && each.priority < priority);
  if (!waits) released.push(job);
  else held.splice(behind === -1 ? held.length : behind, 0, job);

  const ends = running.map((each) => ({ owner: each.owner, at: timeOf(each) }));
  let free = slots - running.length;
  for (let now = 0; ; ) {
    for (; free > 0 && released.length > 0; free -= 1) {
      const next = released.shift()!;
      if (next === job) return Number.isFinite(now) ? now : undefined;
      ends.push({ owner: next.owner, at: now + timeOf(next) });
    }
    ends.sort((a, b) => b.at - a.at);
    const end = ends.pop();
    if (end === undefined) return undefined;
    now = end.at;
    free += 1;
    const place = held.findIndex((each) => each.owner === end.owner);
    if (place >= 0) released.push(...held.splice(place, 1));
  }
}

const timeOf = ({ seconds }: LiveJob): number => seconds ?? Number.POSITIVE_INFINITY;
