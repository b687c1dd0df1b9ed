/**
 * The first layer: dense like the others, but inputs that are 0 are left out. nonzeros.h lists the others.
 *
 * Dims: R = rows of data, B = rows of this batch, I = inputs, P = panels of the outputs.
 */

#pragma once

#include "dense-layer.h"
#include "nonzeros.h"

/** The row at a byte offset in a panel. */
INLINE float *rowAt(float *panel, uint32_t where) {
  return (float *)((uint8_t *)panel + where);
}

/**
 * How many panels are summed side by side, at most: as many as the registers hold. Updates need registers of their own,
 * so eight panels are no faster there.
 */
#define FORWARD_PANELS (WIDTH == 16 ? 8 : WIDTH == 8 ? 4 : 1)
#define UPDATE_PANELS (WIDTH == 4 ? 1 : 4)

/** How many of the next `left` panels are taken together: a power of 2, so that there are loops for few numbers. */
INLINE uint32_t panelsTogether(uint32_t left, uint32_t most) {
  uint32_t count = most;
  while (count > left) count /= 2;
  return count;
}

#define MOST_PANELS 8
#define EACH_PANEL _Pragma("GCC unroll 8") for (uint32_t n = 0; n < count; n += 1)

/**
 * So many rows of W, of all panels that are summed together, stay near while the whole batch passes over them: 24 KB in
 * the L1 cache; at width 16, 40 KB. There, blocks that fit it are so short that what each of them begins anew costs more.
 */
#define BLOCK_INPUTS (WIDTH == 16 ? 80 : 96)

/**
 * firstForward() for a constant storage and `count` panels, a constant. cursors: scratch space for
 * (B): the first nonzero of each row that has not been added. The sums of a row wait in z between two blocks of inputs.
 */
INLINE void firstForwardPanels(
  bool bytes, uint32_t count, uint8_t *memory, float *z, const float *W, const uint32_t *starts, const uint32_t *rows,
  uint32_t B, uint32_t I
) {
  const float *values = (const float *)(memory + BYTE_VALUES);
  const size_t zPanel = batchPanel(memory), wPanel = (I + 1) * PANEL_COLUMNS;
  const float *b = W + I * PANEL_COLUMNS;
  uint32_t *cursors = region(memory, ROW_ENDS);
  for (uint32_t r = 0; r < B; r += 1) cursors[r] = starts[rows[r]];
  for (uint32_t block = 0; block < I; block += BLOCK_INPUTS) {
    for (uint32_t r = 0; r < B; r += 1) {
      float *zr = z + r * PANEL_COLUMNS;
      const uint8_t *at = memory + cursors[r];
      const uint8_t *end = memory + starts[rows[r] + 1];
      Row sums[MOST_PANELS];
      EACH_PANEL sums[n] = block == 0 ? zeroRow() : loadRow(zr + n * zPanel);
      for (; at < end && inputAt(bytes, at) < block + BLOCK_INPUTS; at += nonzeroBytes(bytes)) {
        const float *w = W + inputAt(bytes, at) * PANEL_COLUMNS;
        const float x = valueAt(bytes, at, values);
        EACH_PANEL sums[n] = addScaled(sums[n], x, loadRow(w + n * wPanel));
      }
      cursors[r] = (uint32_t)(at - memory);
      if (block + BLOCK_INPUTS >= I) EACH_PANEL sums[n] = addRows(sums[n], loadRow(b + n * wPanel));
      EACH_PANEL storeRow(zr + n * zPanel, sums[n]);
    }
  }
}

/** firstForward() for a constant storage. */
INLINE void firstForwardOf(
  bool bytes, uint8_t *memory, float *z, const float *W, const uint32_t *starts, const uint32_t *rows, uint32_t B,
  uint32_t I, uint32_t P
) {
  for (uint32_t p = 0; p < P;) {
    const uint32_t count = panelsTogether(P - p, FORWARD_PANELS);
    switch (count) {
      case 8: firstForwardPanels(bytes, 8, memory, z, W, starts, rows, B, I); break;
      case 4: firstForwardPanels(bytes, 4, memory, z, W, starts, rows, B, I); break;
      case 2: firstForwardPanels(bytes, 2, memory, z, W, starts, rows, B, I); break;
      default: firstForwardPanels(bytes, 1, memory, z, W, starts, rows, B, I);
    }
    z += count * batchPanel(memory);
    W += count * (I + 1) * PANEL_COLUMNS;
    p += count;
  }
}

/**
 * z[r, j] = (sum over i ascending of x[r, i] * W[i, j]) + b[j].   z: (P, B, 16), W: (P, I + 1, 16), its last row b.
 * starts: (R + 1), rows: (B), row numbers.
 *
 * A step on MNIST took 10 us more with one panel at a time, because each addition waits for the one before it. On rows
 * of which half is not 0, blocks of inputs and four panels halve the time. Eight panels read each nonzero once where four
 * read it twice: another 1.5 us at width 16.
 */
static void firstForward(
  uint8_t *memory, float *z, const float *W, const uint32_t *starts, const uint32_t *rows, uint32_t B, uint32_t I,
  uint32_t P
) {
  if (getU32(memory, STORAGE) == STORAGE_U8) firstForwardOf(true, memory, z, W, starts, rows, B, I, P);
  else firstForwardOf(false, memory, z, W, starts, rows, B, I, P);
}

/** firstBackwardUpdate() for `count` panels, a constant. */
INLINE void firstBackwardUpdatePanels(
  uint32_t count, uint32_t rule, const Hyper *hyper, uint8_t *memory, float *W, float *dz,
  const TouchedRow *touchedRowsEnd, uint32_t B, uint32_t I
) {
  const size_t zPanel = batchPanel(memory), wPanel = (I + 1) * PANEL_COLUMNS;
  for (const TouchedRow *touchedRow = region(memory, TOUCHED_ROWS); touchedRow < touchedRowsEnd; touchedRow += 1) {
    const Item *end = (const Item *)(memory + touchedRow->end);
    Row sums[MOST_PANELS];
    EACH_PANEL sums[n] = zeroRow();
    for (const Item *item = (const Item *)(memory + touchedRow->begin); item < end; item += 1) {
      const float *d = rowAt(dz, item->where);
      EACH_PANEL sums[n] = addScaled(sums[n], item->x, loadRow(d + n * zPanel));
    }
    float *w = rowAt(W, touchedRow->where);
    EACH_PANEL updateKernel(rule, hyper, w + n * wPanel, sums[n], touchedRow->decay);
  }
  EACH_PANEL sumDeltas(rule, hyper, W + n * wPanel + I * PANEL_COLUMNS, dz + n * zPanel, B);
}

/**
 * dW[i, j] = sum over r ascending of x[r, i] * dz[r, j], directly followed by the update of W[i, ...], for the rows i
 * that sortItems() listed; db and b likewise.   dz: (P, B, 16), W: (P, I + 1, 16).
 *
 * This is the largest part of a step, and square root and division are most of it: 16 of 28 us at width 8 or 16,
 * regardless of the code around them. Two panels at a time saved 6 us; four saved another 1.5 us at width 16, but
 * nothing at width 8. Prefetching the next rows of W and their slots was no faster.
 */
INLINE void firstBackwardUpdate(
  uint32_t rule, const Hyper *hyper, uint8_t *memory, float *W, float *dz, const TouchedRow *touchedRowsEnd, uint32_t B,
  uint32_t I, uint32_t P
) {
  for (uint32_t p = 0; p < P;) {
    const uint32_t count = panelsTogether(P - p, UPDATE_PANELS);
    switch (count) {
      case 4: firstBackwardUpdatePanels(4, rule, hyper, memory, W, dz, touchedRowsEnd, B, I); break;
      case 2: firstBackwardUpdatePanels(2, rule, hyper, memory, W, dz, touchedRowsEnd, B, I); break;
      default: firstBackwardUpdatePanels(1, rule, hyper, memory, W, dz, touchedRowsEnd, B, I);
    }
    dz += count * batchPanel(memory);
    W += count * (I + 1) * PANEL_COLUMNS;
    p += count;
  }
}
