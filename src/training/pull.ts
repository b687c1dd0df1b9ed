/**
 * The generators in this folder work in slices: the caller passes next(n) the most units of work to do before the next
 * yield. Each phase starts with a slice of 1, before the caller has passed a number.
 */

/** How many units of work were asked for: an integer >= 1, Infinity included. */
export function askedFor(answer: number | undefined): number {
  return answer !== undefined && answer > 1 ? Math.floor(answer) : 1;
}
