/**
 * The first layer: dense like the others, but its inputs are pixels, and those of 0 are left out. The lists that
 * pixel-items.h made say which are left.
 *
 * Dims: B = rows of this batch, I = pixels of an image, P = panels of the outputs.
 */

#pragma once

#include "dense-layer.h"
#include "pixel-items.h"

/** The row of a panel at a byte offset of it. */
INLINE float *rowAt(float *panel, uint32_t where) {
  return (float *)((uint8_t *)panel + where);
}

/** Panels whose sums are added up side by side; with four floats a vector, one panel's fill half of the registers. */
#define PANELS (WIDTH == 4 ? 1 : 2)

#define EACH_PANEL _Pragma("GCC unroll 2") for (uint32_t n = 0; n < count; n += 1)

/** pixelsForward() of `count` panels, a constant: 1 or PANELS. */
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
 * often, but from more of W than the nearest cache holds (+4). A block of pixels at a time (-1.5), or two rows of the
 * batch beside one another (0), was not worth its lines.
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

/** pixelsBackwardUpdate() of `count` panels, a constant: 1 or PANELS. */
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
 * dW[i, j] = sum over r ascending of x[r, i] * dz[r, j], and at once the update of W[i, ...], for the rows i that
 * sortItems() listed; db and b likewise.   dz: (P, B, 16), W: (P, I + 1, 16).
 *
 * The largest part of a step, and most of it root and quotient: 16 us of 28 with 8 or 16 floats a vector, whatever
 * stands around them. Two panels at a time took 6 us off; four with 16 floats another 1.5, but not with 8. Asking for
 * the next rows of W and their slots ahead was no faster.
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
