import { monotonicMs } from './clock.ts';

export const STOP_SIGNALS: ('SIGINT' | 'SIGTERM' | 'SIGHUP')[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** npm passes on a Ctrl-C that the terminal has sent to its whole group: one key press, two signals. */
const SAME_PRESS_MS = 500;

/** Calls `onFirst` when this process is asked to stop, and `onAgain` when it is asked again by another key press. */
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
