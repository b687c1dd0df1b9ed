import {
  CURSORS,
  DECAYS,
  ITEM_BYTES,
  ITEMS,
  LIT_ROW_BYTES,
  LIT_ROWS,
  PANEL_BYTES,
  PIXEL_VALUES,
  RHO,
  ROW_ENDS,
  SKIPS_UNTOUCHED_ROWS,
  SORTED_ITEMS,
  TOUCHED,
  UPDATED_AT,
} from '../kernel-header.ts';

/**
 * Which pixels of a batch are lit, listed twice: by row for the forward pass, and by pixel for the gradients, so that
 * all that touches one row of W is done at once, in registers.
 *
 * An item is a pixel that is not 0: { u32 where, f32 x }. In the list by row `where` is the byte offset of W's row in
 * its panel, in the list by pixel that of the batch's row in a panel of deltas.
 *
 * Dims: R = rows of images, B = rows of this batch, I = pixels of an image.
 */

/**
 * Lists the batch's lit pixels by row, and notes where each row's items end. images: (R, I), rows: (B).
 *
 * Sixteen pixels at a time, from one set bit of their mask to the next. Writing every pixel and going on only from the
 * lit ones, to spare the processor the guess of how many there are, was 4 us slower.
 */
export function listItems(images: usize, rows: usize, B: u32, I: u32): void {
  const rowEnds = load<usize>(0, ROW_ENDS);
  const inSixteens = I & ~15;
  let item = load<usize>(0, ITEMS);
  for (let r: u32 = 0; r < B; r += 1) {
    const image = images + load<u32>(rows + (r << 2)) * I;
    for (let i: u32 = 0; i < inSixteens; i += 16) {
      let lit = i8x16.bitmask(i8x16.ne(v128.load(image + i), i8x16.splat(0)));
      for (; lit != 0; lit &= lit - 1) item = writeItem(item, image, i + ctz<u32>(lit));
    }
    for (let i: u32 = inSixteens; i < I; i += 1) {
      if (load<u8>(image + i) != 0) item = writeItem(item, image, i);
    }
    store<usize>(rowEnds + (r << 2), item);
  }
}

/** Writes pixel i as an item, and gives where the next one goes. */
@inline
function writeItem(item: usize, image: usize, i: u32): usize {
  const pixel: u32 = load<u8>(image + i);
  store<u32>(item, i * PANEL_BYTES);
  store<f32>(item, load<f32>(pixel << 2, PIXEL_VALUES), 4);
  return item + ITEM_BYTES;
}

/**
 * Lists the items of listItems() once more, by pixel (a counting sort, which keeps the batch's rows ascending), and
 * the rows of W to update: { u32 byte offset in a panel, u32 first item, u32 end of items, f32 decay }.
 *
 * decay: what rmsprop multiplies its mean square with: a power of rho if the row was left alone before.
 * step: the number of this step in the epoch, from 1. Returns where the list of rows ends.
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
  const litRowsEnd = listLitRows(cursors, I, step);

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
  return litRowsEnd;
}

/**
 * Lists the rows of W to update, from first to last; returns where the list ends.
 *
 * cursors: (I), in: the bytes that each pixel's items take; out: where they begin.
 *
 * Rows with as many items side by side, so that the processor can guess where a row's items end, were slower: up to
 * 18 us, as W is then read out of order.
 */
function listLitRows(cursors: usize, I: u32, step: u32): usize {
  const skips = load<u32>(0, SKIPS_UNTOUCHED_ROWS) != 0;
  const decays = load<usize>(0, DECAYS);
  const updatedAt = load<usize>(0, UPDATED_AT);
  let litRow = load<usize>(0, LIT_ROWS);
  let begin = load<usize>(0, SORTED_ITEMS);
  for (let i: u32 = 0; i < I; i += 1) {
    const cursor = cursors + (i << 2);
    const bytes = load<u32>(cursor);
    store<usize>(cursor, begin);
    if (bytes == 0 && skips) continue;
    store<u32>(litRow, i * PANEL_BYTES);
    store<usize>(litRow, begin, 4);
    begin += bytes;
    store<usize>(litRow, begin, 8);
    let decay = load<f32>(0, RHO);
    if (decays != 0) {
      const last = updatedAt + (i << 2);
      decay = load<f32>(decays + ((step - load<u32>(last)) << 2));
      store<u32>(last, step);
    }
    store<f32>(litRow, decay, 12);
    litRow += LIT_ROW_BYTES;
  }
  return litRow;
}

/**
 * Reads a byte of each cache line of some images, so that they have come from memory when their batch's turn comes. The
 * rows of a shuffled epoch lie anywhere, and no processor guesses where: 7 us. images: (R, I); rows from .. end.
 */
export function touchImages(images: usize, rows: usize, end: usize, I: u32): void {
  let seen: u32 = 0;
  for (; rows < end; rows += 4) {
    const image = images + load<u32>(rows) * I;
    for (let i: u32 = 0; i < I; i += 64) seen += load<u8>(image + i);
  }
  // Without a use of what was read, the reading would be left out.
  store<u32>(0, seen, TOUCHED);
}
