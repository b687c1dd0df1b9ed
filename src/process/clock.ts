/** The only reader of the machine's clocks. What is stored is timed by Redis; this is for durations. */

/** Milliseconds on a clock that never steps, from an arbitrary start. */
export const monotonicMs = (): number => performance.now();

/** Milliseconds since the Unix epoch, for what people read and nothing decides by. */
export const wallClockMs = (): number => Date.now();
