import { setTimeout as sleep } from 'node:timers/promises';
import { StoreUnavailableError } from '../src/store/store-error.ts';

const RETRY_MS = 500;

/** Repeats a transition until Redis runs it: every transition may be repeated, and a run cannot go on without Redis. */
export async function persist<Answer>(transition: () => Promise<Answer>): Promise<Answer> {
  for (;;) {
    try {
      return await transition();
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error;
      await sleep(RETRY_MS);
    }
  }
}
