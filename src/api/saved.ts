import type { ApiDeps } from './deps.ts';
import { ProblemError } from './http/problems.ts';

/** Whether Redis has on its disk what it has acknowledged. */

/** A request has 3 s for Redis in total, and its write may take 2 s of them. */
const LOOK_MS = 500;
const FSYNC_MS = 300;

/** The answer; undefined if Redis is slow to give it, since the write then fails by itself. */
export async function inTime<Answer>(answer: Promise<Answer>): Promise<Answer | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, LOOK_MS, undefined);
  });
  try {
    return await Promise.race([answer, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What is only in Redis's memory is not accepted: a crash would lose it.
 * @param what was to be saved, and what to do: the end of a sentence
 * @throws {ProblemError}
 */
export async function requireSaved(store: Pick<ApiDeps['store'], 'isSaved'>, what: string): Promise<void> {
  const saved = await inTime(store.isSaved(FSYNC_MS));
  if (saved === true) return;
  throw new ProblemError(
    saved === undefined ? 'store_unavailable' : 'store_read_only',
    `Redis ${saved === undefined ? 'did not say whether it has' : 'could not'} saved ${what}`,
    { headers: { 'retry-after': '10' } },
  );
}
