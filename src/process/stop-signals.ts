import { monotonicMs } from './clock.ts';

export const STOP_SIGNALS: ('SIGINT' | 'SIGTERM' | 'SIGHUP')[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** The terminal sends Ctrl-C to the whole process group and npm forwards it too: one key press, two signals. */
const SAME_PRESS_MS = 500;

/** Calls `onFirst` at the first stop signal, and `onAgain` at one from another key press. */
export function onStopSignals(onFirst: () => void, onAgain: () => void): void {
  let firstAtMs: number | undefined;
  const hear = () => {
    if (firstAtMs === undefined) {
      firstAtMs = monotonicMs();
      onFirst();
    } else if (monotonicMs() - firstAtMs > SAME_PRESS_MS) onAgain();
  };
  for (const signal of STOP_SIGNALS) process.on(signal, hear);
}
