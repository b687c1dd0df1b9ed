import type { DeliveryAttempt } from '../contract/delivery.ts';
import type { Change, WebhookMessage } from '../store/webhook-messages.ts';

/** What follows from an attempt. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

/** From the end of an attempt to the next one; none follows the last. */
const WAITS_MS = [5 * SECOND, 30 * SECOND, 5 * MINUTE, 30 * MINUTE, 120 * MINUTE];
/** Up to this share is added, so that messages that failed together come back apart. */
const JITTER = 0.2;

/** Attempts that are remembered. */
const MOST_ATTEMPTS = 10;

const GONE = 410;

/** How an attempt ended: a status, or an error, which may be final. */
export type Answer = { status: number } | { error: string; isFinal: boolean };

export type Outcome = 'delivered' | 'retried' | 'failed';

/** @param random from 0 to 1. */
export function afterAttempt(
  { tries, attempts }: Pick<WebhookMessage, 'tries' | 'attempts'>,
  attempt: Pick<DeliveryAttempt, 'at' | 'duration_seconds'>,
  answer: Answer,
  random: number,
): { outcome: Outcome; change: Change; error: string | null } {
  const status = 'status' in answer ? answer.status : null;
  const isDelivered = status !== null && status >= 200 && status < 300;
  const error = isDelivered ? null : 'error' in answer ? answer.error : reasonOf(answer.status);
  const isFinal = 'status' in answer ? status === GONE : answer.isFinal;
  const wait = isDelivered || isFinal ? undefined : WAITS_MS[tries];
  const outcome = isDelivered ? 'delivered' : wait === undefined ? 'failed' : 'retried';
  return {
    outcome,
    error,
    change: {
      state: outcome === 'retried' ? 'pending' : outcome,
      tries: tries + 1,
      attempts: [...attempts, { ...attempt, status, error }].slice(-MOST_ATTEMPTS),
      nextInMs: Math.round((wait ?? 0) * (1 + JITTER * random)),
    },
  };
}

function reasonOf(status: number): string {
  if (status === GONE) return 'it answered 410: it wants no more messages';
  if (status >= 300 && status < 400) return `it answered ${status}; redirects are not followed`;
  return `it answered ${status}`;
}
