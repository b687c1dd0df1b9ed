import { z } from 'zod';
import { BEAT_MS } from './silence-watch.ts';

/** The messages that the children of `npm start` (Redis, worker, API) send to their parent over the IPC channel. */
export const ChildMessageSchema = z.discriminatedUnion('type', [
  /** The child works from now on; the API adds its URL. */
  z.strictObject({ type: z.literal('ready'), url: z.string().optional() }),
  /** Why the child is not ready yet, for the person who waits. */
  z.strictObject({ type: z.literal('busy'), text: z.string() }),
  /** A sign of life, every second; a child that stops sending it is killed and started again. */
  z.strictObject({ type: z.literal('alive') }),
  /** Why a restart would not help; the child then exits with REFUSED_EXIT_CODE. */
  z.strictObject({ type: z.literal('refused'), reason: z.string() }),
]);
export type ChildMessage = z.infer<typeof ChildMessageSchema>;

/** EX_CONFIG of sysexits.h: a person has to fix something, so a restart does not help. */
export const REFUSED_EXIT_CODE = 78;

/** Sends a message to the parent; does nothing without an IPC channel. */
export function tellParent(message: ChildMessage): void {
  // A failed send needs no handling: parent-watch.ts handles the parent's death.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

/**
 * Tells the parent every second that this process handles its events. Call it first, so that a start that hangs is
 * noticed too.
 */
export function beatToParent(): void {
  if (process.send === undefined) return;
  setInterval(() => tellParent({ type: 'alive' }), BEAT_MS).unref();
}

/** Ends this process, with exit code 78 and one sentence, for a reason that only a person can fix. */
export async function refuseToStart(reason: string): Promise<never> {
  if (process.connected) {
    const refused: ChildMessage = { type: 'refused', reason };
    await new Promise<void>((sent) => process.send?.(refused, undefined, undefined, () => sent()));
  } else {
    console.error(reason);
  }
  process.exit(REFUSED_EXIT_CODE);
}
