/**
 * The inputs that are not 0: packed by row, once per job, for the forward pass; and listed by input, at each step, for
 * the gradients, so that all work on one row of W happens together, in registers.
 *
 * A nonzero of a packed row is input << 8 | byte, or an input and a float; `bytes`, a constant, says which.
 *
 * Dims: R = rows of data, B = rows of this batch, I = inputs.
 */

#pragma once

#include "memory.h"

/** A nonzero in the list by input: the byte offset of the batch's row in a panel of deltas, and its value. */
typedef struct {
  uint32_t where;
  float x;
} Item;

/** A row of W to update: its byte offset in a panel, and its items, from address `begin` to `end`. */
typedef struct {
  uint32_t where, begin, end;
  /** rmsprop's factor for the mean square; a higher power of rho if previous steps skipped the row. */
  float decay;
} TouchedRow;

INLINE uint32_t nonzeroBytes(bool bytes) {
  return bytes ? NONZERO_BYTE_BYTES : NONZERO_FLOAT_BYTES;
}

/** The input of the nonzero at `at`. */
INLINE uint32_t inputAt(bool bytes, const uint8_t *at) {
  return bytes ? getU32(at, 0) >> 8 : getU32(at, 0);
}

/** Its value. values: BYTE_VALUES. */
INLINE float valueAt(bool bytes, const uint8_t *at, const float *values) {
  return bytes ? values[getU32(at, 0) & 255] : getF32(at, sizeof(uint32_t));
}

/** Packs input i; returns the address for the next one, which overwrites this one if it is 0. */
INLINE uint8_t *packByte(uint8_t *at, const uint8_t *row, uint32_t i) {
  setU32(at, 0, i << 8 | row[i]);
  return at + (row[i] != 0 ? NONZERO_BYTE_BYTES : 0);
}

/**
 * Packs a row. Takes eight bytes at a time: skips them if all are 0, otherwise writes them without a branch for each,
 * since the processor could not predict it.
 */
static uint8_t *packByteRow(uint8_t *at, const uint8_t *row, uint32_t I) {
  uint32_t i = 0;
  for (; i + 8 <= I; i += 8) {
    uint64_t eight;
    memcpy(&eight, row + i, sizeof eight);
    if (eight == 0) continue;
    for (uint32_t k = 0; k < 8; k += 1) at = packByte(at, row, i + k);
  }
  for (; i < I; i += 1) at = packByte(at, row, i);
  return at;
}

static uint8_t *packFloatRow(uint8_t *at, const float *row, uint32_t I) {
  for (uint32_t i = 0; i < I; i += 1) {
    setU32(at, 0, i);
    setF32(at, sizeof(uint32_t), row[i]);
    at += row[i] != 0 ? NONZERO_FLOAT_BYTES : 0;
  }
  return at;
}

/**
 * Packs rows after those packed before. This happens once per job and saves 8 us per step: packed rows are smaller to
 * read and need no search for what is not 0.
 *
 * starts: (R + 1), the address of each row's nonzeros; in: that of row `from`; out: those of the rows after it.
 * values: (rows, I) in the job's storage.
 */
static void packRows(uint8_t *memory, uint32_t *starts, uint32_t from, const uint8_t *values, uint32_t rows) {
  const uint32_t I = layerAt(memory, 0).I;
  const bool bytes = getU32(memory, STORAGE) == STORAGE_U8;
  uint8_t *at = memory + starts[from];
  for (uint32_t r = 0; r < rows; r += 1) {
    const size_t first = (size_t)r * I;
    at = bytes ? packByteRow(at, values + first, I) : packFloatRow(at, (const float *)values + first, I);
    starts[from + r + 1] = (uint32_t)(at - memory);
  }
}

/**
 * Lists the rows of W to update, in order; returns the end of the list.
 *
 * cursors: (I), in: the number of each input's items; out: the address of the first of them.
 */
static const TouchedRow *listTouchedRows(uint8_t *memory, uint32_t *cursors, uint32_t I, uint32_t step) {
  const bool skips = getU32(memory, SKIPS_UNTOUCHED_ROWS) != 0;
  const bool decaysRows = getU32(memory, DECAYS) != 0;
  const float *decays = region(memory, DECAYS);
  const float rho = getF32(memory, RHO);
  uint32_t *updatedAt = region(memory, UPDATED_AT);
  TouchedRow *touchedRow = region(memory, TOUCHED_ROWS);
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
    *touchedRow++ = (TouchedRow){i * PANEL_BYTES, begin, end, decay};
    begin = end;
  }
  return touchedRow;
}

/** sortItems() for a constant storage. */
INLINE const TouchedRow *sortItemsOf(
  bool bytes, uint8_t *memory, const uint32_t *starts, const uint32_t *rows, uint32_t B, uint32_t I, uint32_t step
) {
  const float *values = (const float *)(memory + BYTE_VALUES);
  uint32_t *cursors = region(memory, CURSORS);
  memset(cursors, 0, I * sizeof *cursors);
  for (uint32_t r = 0; r < B; r += 1) {
    const uint8_t *end = memory + starts[rows[r] + 1];
    for (const uint8_t *at = memory + starts[rows[r]]; at < end; at += nonzeroBytes(bytes)) {
      cursors[inputAt(bytes, at)] += 1;
    }
  }
  const TouchedRow *touchedRowsEnd = listTouchedRows(memory, cursors, I, step);
  for (uint32_t r = 0; r < B; r += 1) {
    const uint8_t *end = memory + starts[rows[r] + 1];
    for (const uint8_t *at = memory + starts[rows[r]]; at < end; at += nonzeroBytes(bytes)) {
      uint32_t *cursor = &cursors[inputAt(bytes, at)];
      *(Item *)(memory + *cursor) = (Item){r * PANEL_BYTES, valueAt(bytes, at, values)};
      *cursor += ITEM_BYTES;
    }
  }
  return touchedRowsEnd;
}

/**
 * Lists the batch's nonzeros by input (a counting sort, which keeps the batch's rows in ascending order), and the rows
 * of W to update. starts: (R + 1), rows: (B). step: the number of this step in the epoch, from 1. Returns the end of
 * the list of rows.
 */
static const TouchedRow *sortItems(
  uint8_t *memory, const uint32_t *starts, const uint32_t *rows, uint32_t B, uint32_t I, uint32_t step
) {
  if (getU32(memory, STORAGE) == STORAGE_U8) return sortItemsOf(true, memory, starts, rows, B, I, step);
  return sortItemsOf(false, memory, starts, rows, B, I, step);
}

/**
 * Prefetches what is read in the middle of the step: this batch's targets, and where the rows of the next one start.
 * Both are as scattered as the rows. Saves 4 us per step. starts: (R + 1), targets: (R), rows: (B + nextB).
 */
static void touchPlaces(
  const uint32_t *starts, const uint32_t *targets, const uint32_t *rows, uint32_t B, uint32_t nextB
) {
  for (uint32_t r = 0; r < B; r += 1) __builtin_prefetch(&targets[rows[r]]);
  for (uint32_t r = B; r < B + nextB; r += 1) __builtin_prefetch(&starts[rows[r]]);
}

/**
 * Prefetches the next batch's rows, so that they are in the cache when that batch is trained. The rows of a shuffled
 * epoch are scattered, so the processor cannot prefetch them by itself. Saves 7 us per step. Pages of 2 MB, which need
 * fewer address translations, made no difference. starts: (R + 1), rows: (count).
 */
static void touchRows(const uint8_t *memory, const uint32_t *starts, const uint32_t *rows, uint32_t count) {
  for (uint32_t r = 0; r < count; r += 1) {
    for (uint32_t at = starts[rows[r]]; at < starts[rows[r] + 1]; at += 64) __builtin_prefetch(memory + at);
  }
}
