import { randomUUID } from 'node:crypto';

/** A place in a JSON text whose value is filled in later. */
export class Gap {
  readonly mark = `gap ${randomUUID()}`;

  toJSON(): string {
    return this.mark;
  }
}

/**
 * The JSON of `value`, cut at its gaps: one more piece than gaps. Joining the pieces with a JSON text in each gap gives
 * valid JSON, so a transition can fill in a number that only it knows without parsing JSON.
 * @throws when a gap is missing from the value or out of order.
 */
export function cutAtGaps(value: unknown, ...gaps: Gap[]): string[] {
  const pieces: string[] = [];
  let rest = JSON.stringify(value);
  for (const gap of gaps) {
    const mark = `"${gap.mark}"`;
    const at = rest.indexOf(mark);
    if (at < 0) throw new Error('a gap is missing from the value, or out of order');
    pieces.push(rest.slice(0, at));
    rest = rest.slice(at + mark.length);
  }
  pieces.push(rest);
  return pieces;
}
