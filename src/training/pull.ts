/**
 * The generators of this room work in slices: whoever pulls says with next(n) how much may be done before
 * the next yield. Each phase begins with a slice of 1, as nobody has answered yet.
 */

/** How many units of work were asked for: an integer >= 1, Infinity included. */
export function askedFor(answer: number | undefined): number {
  return answer !== undefined && answer > 1 ? Math.floor(answer) : 1;
}
