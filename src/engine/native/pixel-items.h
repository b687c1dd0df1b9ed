/**
 * The lit pixels of images: packed by row, once per job, for the forward pass; and listed by pixel, at each step, for
 * the gradients, so that all work on one row of W happens together, in registers.
 *
 * Dims: R = rows of images, B = rows of this batch, I = pixels of an image.
 */

#pragma once

#include "memory.h"

/** A pixel that is not 0, in the list by pixel: the byte offset of the batch's row in a panel of deltas, and its value. */
typedef struct {
  uint32_t where;
  float x;
} Item;

/** A row of W to update: its byte offset in a panel, and its items, from address `begin` to `end`. */
typedef struct {
  uint32_t where, begin, end;
  /** rmsprop's factor for the mean square; a higher power of rho if previous steps skipped the row. */
  float decay;
} LitRow;

/** Packs pixel i; returns the address for the next one, which overwrites this one if it is not lit. */
INLINE uint32_t *packPixel(uint32_t *lit, const uint8_t *image, uint32_t i) {
  *lit = i << 8 | image[i];
  return lit + (image[i] != 0);
}

/**
 * Packs images after those packed before: their lit pixels in order, each pixel << 8 | value. This happens once per job
 * and saves 8 us per step: packed images are smaller to read and need no search for lit pixels.
 *
 * starts: (R + 1), the address of each row's lit pixels; in: that of row `from`; out: those of the rows after it.
 * images: (rows, I). Takes eight pixels at a time: skips them if all are 0, otherwise writes them without a branch for
 * each pixel, since the processor could not predict it.
 */
static void packImages(uint8_t *memory, uint32_t *starts, uint32_t from, const uint8_t *images, uint32_t rows) {
  const uint32_t I = layerAt(memory, 0).I;
  uint32_t *lit = (uint32_t *)(memory + starts[from]);
  for (uint32_t r = 0; r < rows; r += 1) {
    const uint8_t *image = images + (size_t)r * I;
    uint32_t i = 0;
    for (; i + 8 <= I; i += 8) {
      uint64_t eight;
      memcpy(&eight, image + i, sizeof eight);
      if (eight == 0) continue;
      for (uint32_t k = 0; k < 8; k += 1) lit = packPixel(lit, image, i + k);
    }
    for (; i < I; i += 1) lit = packPixel(lit, image, i);
    starts[from + r + 1] = (uint32_t)((uint8_t *)lit - memory);
  }
}

/** Where the lit pixels of an image begin. starts: (R + 1). */
INLINE const uint32_t *litPixels(const uint8_t *memory, const uint32_t *starts, uint32_t row) {
  return (const uint32_t *)(memory + starts[row]);
}

/**
 * Lists the rows of W to update, in order; returns the end of the list.
 *
 * cursors: (I), in: the number of each pixel's items; out: the address of the first of them.
 */
static const LitRow *listLitRows(uint8_t *memory, uint32_t *cursors, uint32_t I, uint32_t step) {
  const bool skips = getU32(memory, SKIPS_UNTOUCHED_ROWS) != 0;
  const bool decaysRows = getU32(memory, DECAYS) != 0;
  const float *decays = region(memory, DECAYS);
  const float rho = getF32(memory, RHO);
  uint32_t *updatedAt = region(memory, UPDATED_AT);
  LitRow *litRow = region(memory, LIT_ROWS);
  uint32_t begin = getU32(memory, SORTED_ITEMS);
  for (uint32_t i = 0; i < I; i += 1) {
    const uint32_t end = begin + cursors[i] * ITEM_BYTES;
    cursors[i] = begin;
    if (end == begin && skips) continue;
    float decay = rho;
    if (decaysRows) {
      decay = decays[step - updatedAt[i]];
      updatedAt[i] = step;
    }
    *litRow++ = (LitRow){i * PANEL_BYTES, begin, end, decay};
    begin = end;
  }
  return litRow;
}

/**
 * Lists the batch's lit pixels by pixel (a counting sort, which keeps the batch's rows in ascending order), and the rows
 * of W to update. starts: (R + 1), rows: (B). step: the number of this step in the epoch, from 1. Returns the end of
 * the list of rows.
 */
static const LitRow *sortItems(
  uint8_t *memory, const uint32_t *starts, const uint32_t *rows, uint32_t B, uint32_t I, uint32_t step
) {
  const float *values = (const float *)(memory + PIXEL_VALUES);
  uint32_t *cursors = region(memory, CURSORS);
  memset(cursors, 0, I * sizeof *cursors);
  for (uint32_t r = 0; r < B; r += 1) {
    const uint32_t *end = litPixels(memory, starts, rows[r] + 1);
    for (const uint32_t *lit = litPixels(memory, starts, rows[r]); lit < end; lit += 1) cursors[*lit >> 8] += 1;
  }
  const LitRow *litRowsEnd = listLitRows(memory, cursors, I, step);
  for (uint32_t r = 0; r < B; r += 1) {
    const uint32_t *end = litPixels(memory, starts, rows[r] + 1);
    for (const uint32_t *lit = litPixels(memory, starts, rows[r]); lit < end; lit += 1) {
      uint32_t *cursor = &cursors[*lit >> 8];
      *(Item *)(memory + *cursor) = (Item){r * PANEL_BYTES, values[*lit & 255]};
      *cursor += ITEM_BYTES;
    }
  }
  return litRowsEnd;
}

/**
 * Prefetches the next batch's images, so that they are in the cache when that batch is trained. The rows of a shuffled
 * epoch are scattered, so the processor cannot prefetch them by itself. Saves 7 us per step. Pages of 2 MB, which need
 * fewer address translations, made no difference. starts: (R + 1), rows: (count).
 */
static void touchImages(const uint8_t *memory, const uint32_t *starts, const uint32_t *rows, uint32_t count) {
  for (uint32_t r = 0; r < count; r += 1) {
    for (uint32_t at = starts[rows[r]]; at < starts[rows[r] + 1]; at += 64) __builtin_prefetch(memory + at);
  }
}
