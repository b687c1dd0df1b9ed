import { describe, expect, it } from 'vitest';
import { startsInSeconds } from '../../src/api/start-time.ts';
import type { LiveJob } from '../../src/store/live-jobs.ts';

const job = (owner: string, seconds: number | undefined, held = false): LiveJob => ({
  owner,
  priority: 0,
  seconds,
  held,
});
const NO_QUOTA = { perOwner: Number.POSITIVE_INFINITY, priority: 0 };

describe('the start of a new job', () => {
  it('is now while a slot is free, and else when one becomes free', () => {
    const running = [job('a', 5), job('a', 9)];
    expect(startsInSeconds('a', { running, queued: [] }, { slots: 3, ...NO_QUOTA })).toBe(0);
    expect(startsInSeconds('a', { running, queued: [] }, { slots: 2, ...NO_QUOTA })).toBe(5);
    const queued = [job('a', 10), job('b', 1)];
    // 5: the first takes a slot until 15; 9: the second until 10.
    expect(startsInSeconds('a', { running, queued }, { slots: 2, ...NO_QUOTA })).toBe(10);
    // A worker has left: two jobs run, and only one more slot is left to wait for.
    expect(startsInSeconds('a', { running, queued }, { slots: 1, ...NO_QUOTA })).toBe(20);
  });

  it("waits for the owner's own jobs where each has a share", () => {
    const running = [job('a', 100), job('a', 100)];
    const queued = [...Array.from({ length: 50 }, () => job('a', 100, true))];
    const share = { slots: 2, perOwner: 2, priority: 0 };
    expect(startsInSeconds('b', { running, queued }, share)).toBe(100);
    expect(startsInSeconds('a', { running, queued }, share)).toBe(2_600);
    expect(startsInSeconds('a', { running, queued: [] }, share)).toBe(100);
    expect(startsInSeconds('a', { running, queued }, { ...share, priority: 1 })).toBe(100);
    // A quota of one: the second slot stays free.
    expect(
      startsInSeconds('a', { running: [job('a', 7)], queued: [] }, { slots: 2, perOwner: 1, priority: 0 }),
    ).toBe(7);
    expect(
      startsInSeconds('b', { running: [job('a', 7)], queued: [] }, { slots: 2, perOwner: 1, priority: 0 }),
    ).toBe(0);
  });

  it('is not known behind a job whose time is not known, but past one beside it', () => {
    const live = { running: [job('a', undefined), job('a', 4)], queued: [job('a', 2)] };
    expect(startsInSeconds('a', live, { slots: 2, ...NO_QUOTA })).toBe(6);
    expect(startsInSeconds('a', { ...live, queued: [job('a', undefined)] }, { slots: 2, ...NO_QUOTA })).toBe(
      undefined,
    );
  });
});
