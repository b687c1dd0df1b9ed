import { effect } from '@preact/signals';
import type { FeedEvent } from '../../../src/client/types.ts';
import { descent, needsKey } from './server.ts';

/** The one stream of this page. It is closed while the page is hidden, and goes on where it was. */

interface Listener {
  onEvent(event: FeedEvent): void;
  /** What was read before may miss something: read it again. */
  onGap(): void;
}

const listeners = new Set<Listener>();

/** @returns a function that stops it. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

const AGAIN_MS = 2_000;

let cursor: string | undefined;

async function follow(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const item of descent.jobs.feed({ after: cursor, signal })) {
        cursor = item.id;
        for (const listener of [...listeners]) {
          if (item.type === 'event') listener.onEvent(item);
          else listener.onGap();
        }
      }
    } catch {
      // Unreachable for minutes, or the key is no longer good: the page says so meanwhile.
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}

let stop: AbortController | undefined;

function decide(isWanted: boolean): void {
  if (isWanted === (stop !== undefined)) return;
  stop?.abort();
  stop = isWanted ? new AbortController() : undefined;
  if (stop !== undefined) void follow(stop.signal);
}

export function startFeed(): void {
  const isWanted = () => !needsKey.value && document.visibilityState === 'visible';
  effect(() => decide(isWanted()));
  document.addEventListener('visibilitychange', () => decide(isWanted()));
}
