import { signal } from '@preact/signals';
import { DescentError } from '../../../src/client/descent.ts';
import { hasLiveJobs } from './jobs.ts';
import { descent } from './server.ts';

/**
 * Whether the server can do its work, which its stream does not tell: it stays open, and quiet. While no job is live it may
 * be quiet, and nothing is asked.
 */

/** What keeps it from its work, in its own words. */
export const trouble = signal<string | undefined>(undefined);

const EVERY_MS = 5_000;

export function watchHealth(): void {
  void lookAgain();
}

async function lookAgain(): Promise<void> {
  const isWanted = trouble.value !== undefined || hasLiveJobs();
  if (isWanted && document.visibilityState === 'visible') trouble.value = await look();
  setTimeout(() => void lookAgain(), EVERY_MS);
}

async function look(): Promise<string | undefined> {
  try {
    await descent.installation.readiness({ exclude: 'workers' });
    return undefined;
  } catch (error) {
    // Whether it answers at all is known from every request; an overload passes, and says nothing that helps here.
    const isTrouble = error instanceof DescentError && error.status === 503 && error.code !== 'overloaded';
    return isTrouble ? error.detail : undefined;
  }
}
