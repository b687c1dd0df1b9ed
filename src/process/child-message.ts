import { z } from 'zod';

/** What the children of `npm start` (Redis, worker, API) tell their parent over the IPC channel, and nothing else. */
export const ChildMessageSchema = z.discriminatedUnion('type', [
  /** It works from now on; the API adds where it listens. */
  z.strictObject({ type: z.literal('ready'), url: z.string().optional() }),
  /** What keeps it from being ready, for a person who waits. */
  z.strictObject({ type: z.literal('busy'), text: z.string() }),
  /** Why starting it again would be of no use; it ends with REFUSED_EXIT_CODE right after. */
  z.strictObject({ type: z.literal('refused'), reason: z.string() }),
]);
export type ChildMessage = z.infer<typeof ChildMessageSchema>;

/** EX_CONFIG of sysexits.h: a person has to mend something, so starting the process again is of no use. */
export const REFUSED_EXIT_CODE = 78;

/** Sends a message to the parent; without a parent that listens it does nothing. */
export function tellParent(message: ChildMessage): void {
  // A parent that dies meanwhile is parent-watch's business.
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}

/** Ends this process for a reason that only a person can mend: one clear sentence, exit code 78. */
export async function refuseToStart(reason: string): Promise<never> {
  if (process.connected) {
    const refused: ChildMessage = { type: 'refused', reason };
    await new Promise<void>((sent) => process.send?.(refused, undefined, undefined, () => sent()));
  } else {
    console.error(reason);
  }
  process.exit(REFUSED_EXIT_CODE);
}
