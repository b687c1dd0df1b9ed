import { setImmediate as turn } from 'node:timers/promises';

/** Work that takes long, done in pieces, so that other requests have the event loop in between. */

/** Yields after each piece, and returns the result. */
export type Work<Result> = Generator<void, Result, void>;

/** A piece of so many rows takes some milliseconds in the slowest form, TensorBoard's. */
const ROWS_IN_A_PIECE = 500;

export async function inTurns<Result>(work: Work<Result>): Promise<Result> {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
    await turn();
  }
}

/** What `make` makes of all rows, some of them at a time. */
export function* inPieces<Row, Piece>(
  rows: readonly Row[],
  make: (rows: readonly Row[]) => Piece,
): Work<Piece[]> {
  const pieces: Piece[] = [];
  for (let at = 0; at < rows.length; at += ROWS_IN_A_PIECE) {
    pieces.push(make(rows.slice(at, at + ROWS_IN_A_PIECE)));
    yield;
  }
  return pieces;
}
