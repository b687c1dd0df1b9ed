import {
  CURSORS,
  DECAYS,
  INPUTS,
  ITEM_BYTES,
  ITEMS,
  LAYER_RECORDS,
  NONZERO_BYTE_BYTES,
  NONZERO_FLOAT_BYTES,
  TOUCHED_ROW_BYTES,
  TOUCHED_ROWS,
  PANEL_BYTES,
  BYTE_VALUES,
  RHO,
  ROW_ENDS,
  SKIPS_UNTOUCHED_ROWS,
  SORTED_ITEMS,
  STORAGE,
  STORAGE_U8,
  SEEN,
  UPDATED_AT,
} from '../../kernel/header.ts';

/**
 * Lists the inputs of a batch that are not 0 twice: by row for the forward pass, and by input for the gradients, so that
 * all work on one row of W happens together, in registers.
 *
 * A nonzero of a packed row is a u32, input << 8 | byte, or { u32 input, f32 value }. An item is { u32 where, f32 x }: in
 * the list by row, `where` is the byte offset of W's row in its panel; in the list by input, it is the byte offset of the
 * batch's row in a panel of deltas.
 *
 * Dims: R = rows of data, B = rows of this batch, I = inputs.
 */

@inline
function isBytes(): bool {
  return load<u32>(0, STORAGE) == STORAGE_U8;
}

/**
 * Packs rows after those packed before. This happens once per job and saves 10 us per step: packed rows are smaller to
 * read and need no search for what is not 0.
 *
 * starts: (R + 1), the address of each row's nonzeros; in: that of row `from`; out: those of the rows after it.
 * values: (rows, I) in the job's storage.
 */
export function packRows(starts: usize, from: u32, values: usize, rows: u32): void {
  const I = load<u32>(LAYER_RECORDS, INPUTS);
  starts += from << 2;
  let at = load<usize>(starts);
  for (let r: u32 = 0; r < rows; r += 1) {
    at = isBytes() ? packByteRow(at, values + r * I, I) : packFloatRow(at, values + (r * I << 2), I);
    starts += 4;
    store<usize>(starts, at);
  }
}

/** Takes sixteen bytes at a time and jumps from one set bit of their mask to the next. */
function packByteRow(at: usize, row: usize, I: u32): usize {
  const inSixteens = I & ~15;
  for (let i: u32 = 0; i < inSixteens; i += 16) {
    let mask = i8x16.bitmask(i8x16.ne(v128.load(row + i), i8x16.splat(0)));
    for (; mask != 0; mask &= mask - 1) at = packByte(at, row, i + ctz<u32>(mask));
  }
  for (let i: u32 = inSixteens; i < I; i += 1) {
    if (load<u8>(row + i) != 0) at = packByte(at, row, i);
  }
  return at;
}

function packFloatRow(at: usize, row: usize, I: u32): usize {
  for (let i: u32 = 0; i < I; i += 1) {
    const value = load<f32>(row + (i << 2));
    if (value == 0) continue;
    store<u32>(at, i);
    store<f32>(at, value, 4);
    at += NONZERO_FLOAT_BYTES;
  }
  return at;
}

/** Writes input i; returns the address for the next one. */
@inline
function packByte(at: usize, row: usize, i: u32): usize {
  store<u32>(at, i << 8 | <u32>load<u8>(row + i));
  return at + NONZERO_BYTE_BYTES;
}

/** Lists the batch's nonzeros by row, and stores the end of each row's items. starts: (R + 1), rows: (B). */
export function listItems(starts: usize, rows: usize, B: u32): void {
  const rowEnds = load<usize>(0, ROW_ENDS);
  let item = load<usize>(0, ITEMS);
  for (let r: u32 = 0; r < B; r += 1) {
    const start = starts + (load<u32>(rows + (r << 2)) << 2);
    const from = load<usize>(start);
    const end = load<usize>(start, 4);
    item = isBytes() ? listBytes(item, from, end) : listFloats(item, from, end);
    store<usize>(rowEnds + (r << 2), item);
  }
}

/** Lists the nonzeros from `at` to `end`; returns the address for the next item. */
function listBytes(item: usize, at: usize, end: usize): usize {
  for (; at < end; at += NONZERO_BYTE_BYTES) {
    const nonzero = load<u32>(at);
    store<u32>(item, (nonzero >> 8) * PANEL_BYTES);
    store<f32>(item, load<f32>((nonzero & 255) << 2, BYTE_VALUES), 4);
    item += ITEM_BYTES;
  }
  return item;
}

function listFloats(item: usize, at: usize, end: usize): usize {
  for (; at < end; at += NONZERO_FLOAT_BYTES) {
    store<u32>(item, load<u32>(at) * PANEL_BYTES);
    store<f32>(item, load<f32>(at, 4), 4);
    item += ITEM_BYTES;
  }
  return item;
}

/**
 * Lists the items of listItems() again, by input (a counting sort, which keeps the batch's rows in ascending order),
 * and the rows of W to update: { u32 byte offset in a panel, u32 first item, u32 end of items, f32 decay }.
 *
 * decay: rmsprop's factor for the mean square; a higher power of rho if previous steps skipped the row.
 * step: the number of this step in the epoch, from 1. Returns the end of the list of rows.
 */
export function sortItems(B: u32, I: u32, step: u32): usize {
  const items = load<usize>(0, ITEMS);
  const rowEnds = load<usize>(0, ROW_ENDS);
  const cursors = load<usize>(0, CURSORS);
  const itemsEnd = load<usize>(rowEnds + ((B - 1) << 2));

  memory.fill(cursors, 0, I << 2);
  for (let item = items; item < itemsEnd; item += ITEM_BYTES) {
    const count = cursors + (load<u32>(item) >> 4);
    store<u32>(count, load<u32>(count) + ITEM_BYTES);
  }
  const touchedRowsEnd = listTouchedRows(cursors, I, step);

  let item = items;
  for (let r: u32 = 0; r < B; r += 1) {
    const rowEnd = load<usize>(rowEnds + (r << 2));
    for (; item < rowEnd; item += ITEM_BYTES) {
      const cursor = cursors + (load<u32>(item) >> 4);
      const place = load<usize>(cursor);
      store<u32>(place, r * PANEL_BYTES);
      store<f32>(place, load<f32>(item, 4), 4);
      store<usize>(cursor, place + ITEM_BYTES);
    }
  }
  return touchedRowsEnd;
}

/**
 * Lists the rows of W to update, in order; returns the end of the list.
 *
 * cursors: (I), in: the bytes of each input's items; out: the address of the first of them.
 *
 * Grouping rows by their number of items, which makes the end of each row predictable, was up to 18 us slower, since W
 * is then read out of order.
 */
function listTouchedRows(cursors: usize, I: u32, step: u32): usize {
  const skips = load<u32>(0, SKIPS_UNTOUCHED_ROWS) != 0;
  const decays = load<usize>(0, DECAYS);
  const updatedAt = load<usize>(0, UPDATED_AT);
  let touchedRow = load<usize>(0, TOUCHED_ROWS);
  let begin = load<usize>(0, SORTED_ITEMS);
  for (let i: u32 = 0; i < I; i += 1) {
    const cursor = cursors + (i << 2);
    const bytes = load<u32>(cursor);
    store<usize>(cursor, begin);
    if (bytes == 0 && skips) continue;
    store<u32>(touchedRow, i * PANEL_BYTES);
    store<usize>(touchedRow, begin, 4);
    begin += bytes;
    store<usize>(touchedRow, begin, 8);
    let decay = load<f32>(0, RHO);
    if (decays != 0) {
      const last = updatedAt + (i << 2);
      decay = load<f32>(decays + ((step - load<u32>(last)) << 2));
      store<u32>(last, step);
    }
    store<f32>(touchedRow, decay, 12);
    touchedRow += TOUCHED_ROW_BYTES;
  }
  return touchedRow;
}

/**
 * Reads a word of each cache line of the next batch's rows, so that they are in the cache when that batch is trained.
 * The rows of a shuffled epoch are scattered, so the processor cannot prefetch them by itself. Saves 7 us per step.
 * starts: (R + 1). rows, end: the addresses of the first row number and of the end.
 */
export function touchRows(starts: usize, rows: usize, end: usize): void {
  let seen: u32 = 0;
  for (; rows < end; rows += 4) {
    const start = starts + (load<u32>(rows) << 2);
    const litEnd = load<usize>(start, 4);
    for (let at = load<usize>(start); at < litEnd; at += 64) seen += load<u32>(at);
  }
  // Without a use of the sum, the compiler would remove the reads.
  store<u32>(0, seen, SEEN);
}
