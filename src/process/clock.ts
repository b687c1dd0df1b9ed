/** The only reader of the machine's clocks, for durations. Stored times come from Redis. */

/** Milliseconds on a clock that never steps, from an arbitrary start. */
export const monotonicMs = (): number => performance.now();

/** Milliseconds since the Unix epoch, for display only: no decision may depend on it. */
export const wallClockMs = (): number => Date.now();
