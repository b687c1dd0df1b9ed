/**
 * The queue is in the order of places: the time of creation in microseconds, less PRIORITY_STEP for each point of
 * priority. transitions/queue.lua has the same number.
 */
export const PRIORITY_STEP = 1e14;

/** The place behind all jobs of a priority, whatever the clocks say. @param nowMs since the Unix epoch */
export const placeBehind = (priority: number, nowMs: number): number =>
  1000 * nowMs - (priority - 0.5) * PRIORITY_STEP;

/** @param nowMs since the Unix epoch */
export const priorityOf = (place: number, nowMs: number): number =>
  // + 0: not -0.
  Math.round((1000 * nowMs - place) / PRIORITY_STEP) + 0;
