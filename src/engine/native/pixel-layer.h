/**
 * The first layer: dense like the others, but its inputs are pixels, and those that are 0 are left out. pixel-items.h
 * lists the others.
 *
 * Dims: B = rows of this batch, I = pixels of an image, P = panels of the outputs.
 */

#pragma once

#include "dense-layer.h"
#include "pixel-items.h"

/** The row at a byte offset in a panel. */
INLINE float *rowAt(float *panel, uint32_t where) {
  return (float *)((uint8_t *)panel + where);
}

/** How many panels are summed side by side. At width 4, the sums of one panel already fill half of the registers. */
#define PANELS (WIDTH == 4 ? 1 : 2)

#define EACH_PANEL _Pragma("GCC unroll 2") for (uint32_t n = 0; n < count; n += 1)

/** pixelsForward() for `count` panels, a constant: 1 or PANELS. */
INLINE void pixelsForwardPanels(uint32_t count, uint8_t *memory, float *z, float *W, uint32_t B, uint32_t I) {
  const uint32_t *rowEnds = region(memory, ROW_ENDS);
  const size_t zPanel = batchPanel(memory), wPanel = (I + 1) * PANEL_COLUMNS;
  const float *b = W + I * PANEL_COLUMNS;
  const Item *item = region(memory, ITEMS);
  for (uint32_t r = 0; r < B; r += 1) {
    const Item *rowEnd = (const Item *)(memory + rowEnds[r]);
    Row sums[PANELS];
    EACH_PANEL sums[n] = zeroRow();
    for (; item < rowEnd; item += 1) {
      const float *w = rowAt(W, item->where);
      EACH_PANEL sums[n] = addScaled(sums[n], item->x, loadRow(w + n * wPanel));
    }
    EACH_PANEL storeRow(z + n * zPanel, addRows(sums[n], loadRow(b + n * wPanel)));
    z += PANEL_COLUMNS;
  }
}

/**
 * z[r, j] = (sum over i ascending of x[r, i] * W[i, j]) + b[j].   z: (P, B, 16), W: (P, I + 1, 16), its last row b.
 *
 * Two panels at a time: with one, each addition waits for the one before it (+10 us). Four or eight read each item less
 * often, but use more of W than the L1 cache holds (+4 us). Two ideas were not worth their code: blocks of pixels
 * (-1.5 us), and two rows of the batch side by side (0).
 */
static void pixelsForward(uint8_t *memory, float *z, float *W, uint32_t B, uint32_t I, uint32_t P) {
  for (uint32_t p = 0; p < P;) {
    const uint32_t count = p + PANELS <= P ? PANELS : 1;
    if (count == PANELS) pixelsForwardPanels(PANELS, memory, z, W, B, I);
    else pixelsForwardPanels(1, memory, z, W, B, I);
    z += count * batchPanel(memory);
    W += count * (I + 1) * PANEL_COLUMNS;
    p += count;
  }
}

/** pixelsBackwardUpdate() for `count` panels, a constant: 1 or PANELS. */
INLINE void pixelsBackwardUpdatePanels(
  uint32_t count, uint32_t rule, const Hyper *hyper, uint8_t *memory, float *W, float *dz, const LitRow *litRowsEnd,
  uint32_t B, uint32_t I
) {
  const size_t zPanel = batchPanel(memory), wPanel = (I + 1) * PANEL_COLUMNS;
  for (const LitRow *litRow = region(memory, LIT_ROWS); litRow < litRowsEnd; litRow += 1) {
    const Item *end = (const Item *)(memory + litRow->end);
    Row sums[PANELS];
    EACH_PANEL sums[n] = zeroRow();
    for (const Item *item = (const Item *)(memory + litRow->begin); item < end; item += 1) {
      const float *d = rowAt(dz, item->where);
      EACH_PANEL sums[n] = addScaled(sums[n], item->x, loadRow(d + n * zPanel));
    }
    float *w = rowAt(W, litRow->where);
    EACH_PANEL update(rule, hyper, w + n * wPanel, sums[n], litRow->decay);
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
INLINE void pixelsBackwardUpdate(
  uint32_t rule, const Hyper *hyper, uint8_t *memory, float *W, float *dz, const LitRow *litRowsEnd, uint32_t B,
  uint32_t I, uint32_t P
) {
  for (uint32_t p = 0; p < P;) {
    const uint32_t count = p + PANELS <= P ? PANELS : 1;
    if (count == PANELS) pixelsBackwardUpdatePanels(PANELS, rule, hyper, memory, W, dz, litRowsEnd, B, I);
    else pixelsBackwardUpdatePanels(1, rule, hyper, memory, W, dz, litRowsEnd, B, I);
    dz += count * batchPanel(memory);
    W += count * (I + 1) * PANEL_COLUMNS;
    p += count;
  }
}
