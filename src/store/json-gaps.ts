import { randomUUID } from 'node:crypto';

/** A place in a JSON text that is filled in later, by whoever knows the value. */
export class Gap {
  readonly mark = `gap ${randomUUID()}`;

  toJSON(): string {
    return this.mark;
  }
}

/**
 * The JSON of `value`, cut at its gaps: one piece more than there are gaps. The pieces with JSON texts between
 * them are JSON again; so a transition can fill in a number that only it knows, without knowing JSON.
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
